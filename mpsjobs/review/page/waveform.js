"use strict";
// Waveforms as SVG: they take their colours from the page and their width from where they are.

const HEIGHT = 127;

/** Heights of 0 to 127, at most `most` of them. */
function barsOf(output, most = 200) {
  if (!output.bars) return [];
  const heights = [...atob(output.bars)].map((each) => each.charCodeAt(0));
  if (heights.length <= most) return heights;
  const step = heights.length / most;
  return Array.from({ length: most }, (_, number) => Math.max(...heights.slice(Math.floor(number * step), Math.floor((number + 1) * step))));
}

function barsPath(heights) {
  return heights.map((height, number) => `M${number + 0.5} ${-Math.max(height, 1.5)}V${Math.max(height, 1.5)}`).join("");
}

/** A picture of the whole file; a flat line where its shape is unknown. */
function waveform(output, most) {
  const heights = barsOf(output, most);
  const shape = heights.length ? heights : Array(most ?? 100).fill(0);
  return svg(
    "svg",
    { viewBox: `0 ${-HEIGHT} ${shape.length} ${2 * HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: barsPath(shape), "vector-effect": "non-scaling-stroke" }),
  );
}

/** A waveform that shows where a track is and that one can seek in. */
function seekable(track, { player, seek }) {
  const played = el("div.played", {}, waveform(track.output));
  const node = el(
    "div.waveform",
    {
      role: "slider",
      tabindex: "0",
      "aria-label": `Position in ${track.label}`,
      "aria-valuemin": "0",
      "aria-valuemax": String(Math.round(track.output.duration_s ?? 0)),
      onkeydown: (event) => {
        const step = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -30, PageUp: 30 }[event.key];
        const to = event.key === "Home" ? 0 : event.key === "End" ? Infinity : step ? player.positionOf(track) + step : null;
        if (to === null) return;
        event.preventDefault();
        event.stopPropagation();
        seek(track, to);
      },
      onpointerdown: (event) => {
        if (event.button) return;
        const move = (at) => {
          const box = node.getBoundingClientRect();
          seek(track, (player.durationOf(track) || 0) * Math.min(1, Math.max(0, (at.clientX - box.left) / box.width)));
        };
        // A finger that comes down may be about to scroll the page, and then its pointer is cancelled. It seeks when it moves sideways or leaves.
        let seeks = event.pointerType !== "touch";
        const end = new AbortController();
        const during = (name, listener) => node.addEventListener(name, listener, { signal: end.signal });
        node.setPointerCapture(event.pointerId);
        during("pointermove", (at) => {
          seeks ||= Math.abs(at.clientX - event.clientX) > 8;
          if (seeks) move(at);
        });
        during("pointerup", move);
        during("lostpointercapture", () => end.abort());
        if (seeks) move(event);
      },
    },
    waveform(track.output),
    played,
    el("div.cursor"),
  );
  const show = () => {
    const position = player.positionOf(track);
    const duration = player.durationOf(track) || 1;
    node.style.setProperty("--at", `${Math.min(100, (100 * position) / duration)}%`);
    node.setAttribute("aria-valuenow", String(Math.round(position)));
    node.setAttribute("aria-valuetext", `${timeText(position)} of ${timeText(player.durationOf(track))}`);
  };
  show();
  return { node, show };
}
