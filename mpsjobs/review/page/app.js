"use strict";
// The page as a whole: what is listed, which asset is looked at, and what keys do.

const player = new Player();
const list = new List(byId("list"), byId("rows"), { render: listRow, onchoose: (asset, event) => choose(asset, event) });
const byAddress = new Map();
const heard = { page: null, asset: null, track: null, filter: "all", tag: "", words: [] };

const desk = {
  player,
  decisions: null,
  back: () => (history.state === "detail" ? history.back() : look("list")),
  current: () => heard.track,
  toggle: (track) => {
    hear(track);
    player.toggle(track);
  },
  seek: (track, seconds) => {
    hear(track);
    player.seek(track, seconds);
  },
};

// --- the asset

function choose(asset, event) {
  open(asset.address);
  if (event?.target.closest("[data-play]") && heard.track) desk.toggle(heard.track);
  else look("detail");
}

/** The address behind the `#` of the page's own; people cut links in the middle. */
function askedAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function open(address, { keepHash = false } = {}) {
  const asset = byAddress.get(address);
  if (!asset) return;
  const played = player.playing;
  heard.asset = asset;
  heard.track = null;
  showAsset(asset);
  byId("detail").scrollTop = 0;
  list.select(address);
  const track = mainTrack(heard.page.tracks, "new") ?? mainTrack(heard.page.tracks, "old");
  if (player.track?.address !== address) player.clear();
  if (player.track) hear(player.track);
  else if (track) hear(track);
  if (played && !player.playing && heard.track) player.play(heard.track);
  if (!keepHash) history.replaceState(history.state, "", `#${encodeURIComponent(address)}`);
  refresh();
  measure(asset, heard.page.tracks);
}

function showAsset(asset) {
  heard.page = assetPage(asset, desk);
  if (heard.track) heard.track = heard.page.tracks.find((track) => track.key === heard.track.key) ?? null;
  byId("detail").replaceChildren(heard.page.node);
  byId("detail").setAttribute("aria-label", asset.address);
  refresh();
}

/** Where this machine does not know how a take looks, it is measured now. Only a page that is served can ask for that. */
async function measure(asset, tracks) {
  if (REVIEW.where !== "served") return;
  for (const { output } of tracks) {
    if (output.bars || output.unmeasured || output.asked) continue;
    output.asked = true;
    try {
      const answer = await fetch(output.audio.replace("audio/", "heard/"));
      if (answer.ok) Object.assign(output, await answer.json());
    } catch {
      return; // the server was stopped; playing will tell
    }
    if (heard.asset === asset) showAsset(asset);
    list.refresh();
  }
}

/** This track is the one that keys are about. */
function hear(track) {
  heard.track = track;
  if (player.track?.key !== track.key && !player.other) player.other = null;
  refresh();
}

/** On a phone the list or the asset is seen; there, going back leads from the asset to the list. */
function look(view) {
  const before = document.body.dataset.view;
  document.body.dataset.view = view;
  if (view === "list") byId("list").focus({ preventScroll: true });
  else if (before === "list" && history.state !== view && matchMedia("(max-width: 820px)").matches) history.pushState(view, "");
}

function step(by) {
  const assets = list.assets;
  const now = assets.findIndex((asset) => asset.address === heard.asset?.address);
  const next = assets[now < 0 ? 0 : Math.min(assets.length - 1, Math.max(0, now + by))];
  if (next && next !== heard.asset) open(next.address);
}

function stepTake(by) {
  const tracks = (heard.page?.tracks ?? []).filter((track) => track.finished || !track.take.finished.length);
  const current = [heard.track, heard.track && twin(heard.page.tracks, heard.track)].map((each) => each?.key);
  if (tracks.length < 2) return;
  const now = tracks.findIndex((track) => current.includes(track.key));
  const next = tracks[(now + by + tracks.length) % tracks.length];
  const at = heard.track && player.track?.key === heard.track.key ? player.positionOf(heard.track) : null;
  hear(next);
  player.play(next, at);
}

/** Turn to the other take, or to `other`, at the same position. */
function compare(other = player.other) {
  if (!heard.track || !heard.page) return;
  if (player.track?.key !== heard.track.key) player.play(heard.track);
  other ??= counterpart(heard.page.tracks, heard.track);
  if (!other) return;
  if (player.other?.key !== other.key) player.compareWith(other);
  player.swap();
  hear(player.track);
  say(`${player.track.label}`);
}

// --- the player's bar

function refresh() {
  heard.page?.refresh();
  const track = heard.track;
  const playing = track && player.isPlaying(track);
  const button = byId("play");
  if (button.dataset.playing !== String(playing)) {
    button.dataset.playing = String(playing);
    button.replaceChildren(icon(playing ? "pause" : "play"));
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
  }
  button.disabled = !track;
  byId("now").replaceChildren(track ? foreign(track.label) : "Nothing to hear");
  byId("position").textContent = track ? `${timeText(player.positionOf(track))} / ${timeText(player.durationOf(track))}` : "–:––";
  byId("compare").disabled = (heard.page?.tracks.length ?? 0) < 2;
  byId("match").setAttribute("aria-pressed", String(player.matching));
}

function follow() {
  if (player.playing) {
    refresh();
    requestAnimationFrame(follow);
  } else follow.running = false;
}

player.onchange(() => {
  refresh();
  if (player.playing && !follow.running) {
    follow.running = true;
    requestAnimationFrame(follow);
  }
});

// --- keys

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  " ": () => heard.track && desk.toggle(heard.track),
  t: () => stepTake(1),
  T: () => stepTake(-1),
  b: () => compare(),
  f: () => {
    const other = heard.track && twin(heard.page.tracks, heard.track);
    if (other) compare(other);
    else say("There is no finished file of this take to compare with");
  },
  m: () => player.setMatching(!player.matching),
  ArrowLeft: () => heard.track && player.seek(heard.track, player.positionOf(heard.track) - 5),
  ArrowRight: () => heard.track && player.seek(heard.track, player.positionOf(heard.track) + 5),
  a: () => (heard.asset?.new?.takes.some((take) => take.used) ? VERDICTS.approve(heard.asset) : say("There is no take of the wanted sound to approve", true)),
  x: () => (heard.track?.side === "new" ? VERDICTS.reject(heard.asset, heard.track.take) : say("Only takes of the wanted sound can be rejected", true)),
  d: showDecided,
  "/": () => {
    look("list");
    byId("search").focus();
  },
  "?": () => byId("keys").showModal(),
  Escape: () => look("list"),
  Enter: () => {
    look("detail");
    byId("detail").focus();
  },
};

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (target.matches("input[type=search]")) {
    if (key === "Escape" || key === "Enter" || key === "ArrowDown") {
      event.preventDefault();
      byId("list").focus();
      if (key !== "Escape" && list.assets.length && !list.has(heard.asset?.address)) open(list.assets[0].address);
    }
    return;
  }
  if (target.matches("input, select, textarea") || (target.matches("button, summary") && (key === " " || key === "Enter"))) return;
  const action = KEYS[key] ?? (/^[1-9]$/.test(key) ? pickNumber : null);
  if (!action) return;
  event.preventDefault();
  action(event);
});

// --- what was decided

function pickNumber({ key }) {
  const asset = heard.asset;
  const take = asset?.new?.takes.find((each) => each.take === Number(key) && each.outputs.length);
  if (!take) return say(`${asset?.address ?? "This"} has no take ${key} of the wanted sound to pick`, true);
  if (!player.playing) hear(heard.page.tracks.find((track) => track.take === take && track.side === "new"));
  if (!take.picked) VERDICTS.pick(asset, take);
}

/** Assets as they are since something was decided. What was measured stays. */
function decidedAnew(fresh) {
  for (const asset of fresh) {
    const known = byAddress.get(asset.address);
    if (!known) continue;
    if (known !== asset) Object.assign(known, asset, { text: undefined });
    if (heard.asset === known) showAsset(known);
  }
  list.refresh();
  showSummary();
}

function showSummary() {
  const button = byId("show-decisions");
  button.hidden = !desk.decisions.summary;
  button.textContent = desk.decisions.summary ?? "";
}

function showDecided() {
  if (!desk.decisions.summary) return say("Nothing was decided yet: 1 to 9 pick, a approves, x rejects");
  byId("decided-title").textContent = desk.decisions.summary;
  byId("decided-body").replaceChildren(...desk.decisions.show());
  byId("decided").showModal();
}

// --- the beginning, and what has happened since

/** What the plan comes to, above everything. */
function showPlan(summary) {
  const changes = ORDER.filter((kind) => kind !== "keep" && summary[kind]).map((kind) => `${summary[kind].toLocaleString("en")} to ${KINDS[kind][1]}`);
  REVIEW.summary = summary;
  byId("summary").textContent = [...(changes.length ? changes : ["no changes"]), costText(summary)].filter(Boolean).join(" · ");
}

/** Everything that a document tells of the project as it is now. */
function takeIn({ summary, assets }) {
  showPlan(summary);
  REVIEW.assets = assets.sort(inOrder);
  byAddress.clear();
  for (const asset of assets) byAddress.set(asset.address, asset);
  const tags = [...new Set(assets.flatMap((asset) => asset.tags))].sort();
  byId("tag").replaceChildren(el("option", { value: "" }, "Any tag"), ...tags.map((tag) => el("option", { value: tag }, tag)));
  byId("tag").hidden = !tags.length;
  byId("tag").value = heard.tag = tags.includes(heard.tag) ? heard.tag : "";
}

/** Specs, takes and decisions may have changed behind a page that is served: in an editor, by an apply, in another tab. */
async function lookAgain() {
  let text;
  try {
    text = await (await fetch("data.js")).text();
  } catch {
    return; // the server was stopped; deciding will tell
  }
  const fresh = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
  if (fresh.problems) return say(problemText(fresh.problems[0]), true);
  if (REVIEW.problems) return location.reload();
  const now = JSON.stringify(fresh);
  if (now === lookAgain.seen) return;
  lookAgain.seen = now;
  takeIn(fresh);
  desk.decisions.diff = fresh.diff;
  showSummary();
  showList();
  const asset = byAddress.get(heard.asset?.address);
  if (!asset) return;
  heard.asset = asset;
  showAsset(asset);
  measure(asset, heard.page.tracks);
}

function problems(found) {
  byId("detail").replaceChildren(
    el(
      "div.asset",
      {},
      el("h2", {}, "There is no plan to hear"),
      found.map((each) => el("p.message", {}, foreign(problemText(each)))),
      el("p", {}, el("button", { type: "button", onclick: () => location.reload() }, "Look again")),
    ),
  );
  look("detail");
}

function begin() {
  byId("play").append(icon("play"));
  if (typeof REVIEW === "undefined") return problems([{ summary: "data.js is missing beside this page." }]);
  if (REVIEW.problems) return problems(REVIEW.problems);
  const { project, environment, realm, assets } = REVIEW;
  document.title = `${project}: review`;
  byId("project").replaceChildren(foreign(project));
  byId("where").replaceChildren(foreign(environment ? `${environment}, ${realm}` : realm));
  if (REVIEW.where === "served") lookAgain.seen = JSON.stringify(REVIEW);
  takeIn(REVIEW);
  desk.decisions = REVIEW.where === "served" ? new Written(decidedAnew) : new Collected(decidedAnew);
  showSummary();
  byId("filters").append(
    ...Object.entries(FILTERS).map(([name, [word]]) => el("button", { type: "button", "data-filter": name, "aria-pressed": "false", onclick: () => ((heard.filter = name), showList()) }, word)),
  );
  heard.filter = assets.some(FILTERS.changed[1]) ? "changed" : "all";
  showList();
  const asked = askedAddress();
  if (byAddress.has(asked)) {
    if (!list.has(asked)) {
      heard.filter = "all";
      showList();
    }
    open(asked, { keepHash: true });
    look("detail");
    return;
  }
  if (asked) say(`${asked} is not on this page${REVIEW.only_changed ? ": nothing of it changes" : ""}`);
  if (list.assets.length) open(list.assets[0].address, { keepHash: true });
  else byId("detail").append(el("p.empty", {}, assets.length ? "Choose an asset." : nothingAtAll()));
}

byId("search").addEventListener("input", (event) => {
  heard.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  showList();
});
byId("tag").addEventListener("change", (event) => {
  heard.tag = event.target.value;
  showList();
});
byId("play").addEventListener("click", () => heard.track && desk.toggle(heard.track));
byId("compare").addEventListener("click", () => compare());
byId("match").addEventListener("click", () => player.setMatching(!player.matching));
byId("volume").addEventListener("input", (event) => player.setVolume(event.target.value / 100));
byId("show-decisions").addEventListener("click", showDecided);
byId("show-keys").addEventListener("click", () => byId("keys").showModal());
window.addEventListener("popstate", ({ state }) => state !== "detail" && look("list"));
window.addEventListener("hashchange", () => {
  open(askedAddress(), { keepHash: true });
  look("detail");
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && typeof REVIEW !== "undefined" && REVIEW.where !== "exported") lookAgain();
});
begin();
