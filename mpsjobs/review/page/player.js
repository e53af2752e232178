"use strict";
// One track is heard at a time. Nothing is loaded before somebody wants to hear it, but for the other side of a comparison.

/** A track is one file: {key, label, output, address}. Two elements take turns, so that A and B follow each other without a gap. */
class Player {
  #audio = [new Audio(), new Audio()];
  #turn = 0;
  #positions = new Map();
  #listeners = new Set();
  track = null;
  other = null;
  matching = true;
  volume = 1;

  constructor() {
    for (const audio of this.#audio) {
      audio.preload = "none";
      for (const name of ["play", "pause", "seeked", "durationchange", "ended"]) audio.addEventListener(name, () => this.#changed(audio));
      audio.addEventListener("error", () => audio === this.#current && audio.getAttribute("src") && this.#failed());
    }
  }

  get #current() {
    return this.#audio[this.#turn];
  }

  get #spare() {
    return this.#audio[1 - this.#turn];
  }

  get playing() {
    return this.track !== null && !this.#current.paused;
  }

  /** How many tracks are heard: never more than one. */
  get heardNow() {
    return this.#audio.filter((audio) => !audio.paused).length;
  }

  onchange(listener) {
    this.#listeners.add(listener);
  }

  isPlaying(track) {
    return this.playing && this.track.key === track.key;
  }

  positionOf(track) {
    if (this.track?.key !== track.key) return this.#positions.get(track.key) ?? 0;
    return this.#current.readyState ? this.#current.currentTime : (this.#positions.get(track.key) ?? 0);
  }

  durationOf(track) {
    const heard = this.track?.key === track.key ? this.#current.duration : NaN;
    return Number.isFinite(heard) ? heard : track.output.duration_s;
  }

  /** Play a track; from `at` seconds, else from where it was left. What was heard before stops. */
  play(track, at = null) {
    const from = at ?? this.#positions.get(track.key) ?? 0;
    this.#take(track, from >= (this.durationOf(track) ?? Infinity) - 0.05 ? 0 : from);
    this.#current.play().catch((error) => error.name === "AbortError" || this.#failed(error));
    this.#prepare();
    this.#tell();
  }

  pause() {
    this.#current.pause();
  }

  toggle(track) {
    if (this.isPlaying(track)) this.pause();
    else this.play(track);
  }

  /** Silence, and no track: for when another asset is looked at. */
  clear() {
    this.pause();
    this.track = this.other = null;
    this.#tell();
  }

  seek(track, seconds) {
    const to = Math.max(0, Math.min(seconds, (this.durationOf(track) ?? Infinity) - 0.01));
    this.#positions.set(track.key, to);
    if (this.track?.key === track.key) this.#move(this.#current, to);
    else this.play(track, to);
    this.#tell();
  }

  /** The other side of A/B, at the same position; it plays on if something played. */
  swap() {
    if (!this.other || !this.track) return;
    const [from, to] = [this.track, this.other];
    const at = Math.min(this.positionOf(from), Math.max(0, (this.durationOf(to) ?? Infinity) - 0.05));
    const played = this.playing;
    this.#positions.set(to.key, at);
    if (played) this.play(to, at);
    else this.#take(to, at);
    this.#tell();
  }

  /** What A/B turns to; null: nothing. */
  compareWith(track) {
    this.other = track && track.key !== this.track?.key ? track : null;
    this.#prepare();
    this.#tell();
  }

  setVolume(volume) {
    this.volume = volume;
    this.#level();
  }

  setMatching(matching) {
    this.matching = matching;
    this.#level();
    this.#tell();
  }

  #take(track, at) {
    if (this.track?.key !== track.key) {
      const before = this.track;
      if (before) {
        this.#positions.set(before.key, this.positionOf(before));
        if (before.address === track.address) this.other = before;
      }
      if (this.other?.key === track.key) this.other = before?.address === track.address ? before : null;
      const leaving = this.#current;
      this.#turn = 1 - this.#turn;
      this.track = track;
      this.#load(this.#current, track);
      leaving.pause();
    }
    this.#move(this.#current, at);
    this.#level();
  }

  #load(audio, track) {
    if (audio.dataset.key === track.key && !audio.error) return;
    audio.dataset.key = track.key;
    audio.src = track.output.audio;
  }

  #prepare() {
    if (!this.other || !this.playing) return;
    this.#load(this.#spare, this.other);
    this.#spare.preload = "auto";
    this.#spare.load();
  }

  #move(audio, seconds) {
    if (audio.readyState) {
      if (Math.abs(audio.currentTime - seconds) > 0.01) audio.currentTime = seconds;
    } else {
      audio.addEventListener("loadedmetadata", () => (audio.currentTime = seconds), { once: true });
      if (audio.networkState !== HTMLMediaElement.NETWORK_LOADING) audio.load();
    }
  }

  /** Takes of one asset are turned down to the quietest of them, so that the louder one does not sound the better one. */
  #level() {
    const target = this.track?.quietest;
    const loudness = this.track?.output.measures?.loudness;
    const known = this.matching && Number.isFinite(target) && Number.isFinite(loudness);
    this.#current.volume = this.volume * (known ? Math.min(1, 10 ** ((target - loudness) / 20)) : 1);
  }

  #failed() {
    this.pause();
    say(`${this.track?.label ?? "This take"} cannot be played: the file is gone, ${REVIEW.where === "served" ? "mpsjobs review was stopped, " : ""}or the browser does not know its format.`, true);
    this.#tell();
  }

  #changed(audio) {
    if (audio === this.#current) this.#tell();
  }

  #tell() {
    if (this.track) this.#positions.set(this.track.key, this.positionOf(this.track));
    for (const listener of this.#listeners) listener();
  }
}
