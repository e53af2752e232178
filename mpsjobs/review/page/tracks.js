"use strict";
// What can be heard of an asset: a track is one file of a take.

/** Every file of an asset that can be heard: those of the wanted sound first, and of a take what is handed out of it. */
function tracksOf(asset) {
  const tracks = [];
  for (const side of ["new", "old"]) {
    const was = side === "old" && asset.new ? " as it was" : "";
    for (const take of asset[side]?.takes ?? []) {
      const finished = heardOf(take.finished);
      const add = (outputs, made, finished) =>
        outputs.forEach((output, number) => {
          const part = outputs.length > 1 ? `, file ${number + 1}` : "";
          tracks.push({
            key: `${asset[side].fingerprint}#${take.take}/${number}/${output.sha256}`,
            label: `${asset.address} take ${take.take}${was}${part}${made}`,
            address: asset.address,
            side,
            take,
            output,
            finished,
          });
        });
      add(finished, ", finished", true);
      add(take.outputs, finished.length ? ", raw" : "", false);
    }
  }
  const known = tracks.map((track) => track.output.measures?.loudness).filter(Number.isFinite);
  for (const track of tracks) track.quietest = known.length ? Math.min(...known) : NaN;
  return tracks;
}

const BROWSER = new Audio();

/** Finished files are there in each wanted format; heard is the first that this browser knows. */
function heardOf(finished) {
  const formats = [...new Set(finished.map((output) => output.format))];
  const format = formats.find((each) => BROWSER.canPlayType(`audio/${each === "mp3" ? "mpeg" : each}`)) ?? formats[0];
  return finished.filter((output) => output.format === format);
}

/** The take that stands for a sound: the one in use, else the first that can be heard. */
function mainTrack(tracks, side) {
  const those = tracks.filter((track) => track.side === side);
  return those.find((track) => track.take.used) ?? those.find((track) => !track.take.rejected) ?? those[0] ?? null;
}

/** What a track is compared with at first: the other sound's, else the next take of its own, else what was made of it. */
function counterpart(tracks, track) {
  const across = mainTrack(tracks, track.side === "new" ? "old" : "new");
  const beside = tracks.filter((each) => each.side === track.side && each.take !== track.take);
  return across ?? beside.find((each) => !each.take.rejected) ?? beside[0] ?? twin(tracks, track);
}

/** The raw take of a finished file, and the other way round. */
function twin(tracks, track) {
  return tracks.find((each) => each.side === track.side && each.take === track.take && each.finished !== track.finished) ?? null;
}

/** What can be saved of a track: a finished file in each format that was made. */
function filesOf(track) {
  return track.finished ? [track.output, ...track.take.finished.filter((output) => output.format !== track.output.format)] : [track.output];
}
