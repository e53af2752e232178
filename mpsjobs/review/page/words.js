"use strict";
// How things are called and figures are written.

const KINDS = {
  generate: ["+", "generate", "new"],
  regenerate: ["-/+", "regenerate", "changed"],
  restore: ["+", "restore", "new"],
  update: ["~", "update", "changed"],
  move: ["~", "move", "changed"],
  retire: ["-", "retire", "gone"],
  resume: ["~", "resume", "changed"],
  unresolved: ["?", "unresolved", "wrong"],
  failed: ["!", "failed", "wrong"],
  keep: ["", "unchanged", "same"],
};

function counted(number, what) {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}

function timeText(seconds) {
  if (!Number.isFinite(seconds)) return "–:––";
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** With a real minus sign, which is as wide as a digit. */
function figure(number, digits = 1) {
  return number.toFixed(digits).replace("-", "−");
}

function sizeText(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What is wrong, where, why, and how to mend it. */
function problemText({ file, line, summary, detail, hint }) {
  const what = /[.!?]$/.test(summary) ? summary : `${summary}.`;
  return [file ? `${file}:${line}: ${what}` : what, detail, hint].filter(Boolean).join(" ");
}

function valueText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `0.42 USD`; what has no price is said, never taken as free. */
function moneyText(cost, generations) {
  if (!cost) return "";
  if (cost.unpriced === generations) return ", no price known";
  const [whole, part = ""] = cost.amount.split(".");
  const unpriced = cost.unpriced ? ` and ${cost.unpriced.toLocaleString("en")} without a price` : "";
  return `, ${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${part.padEnd(2, "0")} ${cost.currency}${unpriced}`;
}

/** `3 generations to pay, 0.42 USD`, of a change or of the whole plan; null where nothing is. */
function costText({ generations, cost }) {
  return generations ? `${counted(generations, "generation")} to pay${moneyText(cost, generations)}` : null;
}

/** [label, text, what it means] of each figure of an output. */
function figures(output) {
  const measures = output.measures;
  const found = [["length", timeText(output.duration_s), `${output.duration_s ?? "unknown"} seconds`]];
  if (measures) {
    if (measures.loudness !== null) found.push(["loudness", `${figure(measures.loudness)} LUFS`, "integrated, EBU R 128"]);
    if (measures.true_peak !== null) found.push(["peak", `${figure(measures.true_peak)} dBTP`, "true peak"]);
    if (measures.loudness_range !== null) found.push(["range", `${figure(measures.loudness_range)} LU`, "loudness range"]);
    const channels = { 1: "mono", 2: "stereo" }[measures.channels] ?? `${measures.channels} channels`;
    found.push(["sound", `${measures.sample_rate / 1000} kHz ${channels}`, "sample rate and channels"]);
    const silences = [measures.silence_start_s, measures.silence_inner_s, measures.silence_end_s];
    const [first, inner, last] = silences.map((each) => `${figure(each)} s`);
    if (Math.max(...silences) >= 1) found.push(["silence", `${figure(Math.max(...silences))} s`, `${first} at the beginning, ${inner} in between, ${last} at the end`]);
    if (Math.abs(measures.dc_offset) >= 0.01) found.push(["offset", `${figure(100 * measures.dc_offset, 0)} %`, "the mean of the worst channel, of full scale"]);
    if (measures.clipped) found.push(["clipped", counted(measures.clipped, "place"), "three or more samples at full scale"]);
  }
  return found;
}

/** Format, rate and size. */
function fileText(output) {
  const rate = output.measures?.bitrate && !["wav", "flac"].includes(output.format) ? ` ${Math.round(output.measures.bitrate / 1000)} kbit/s` : "";
  return `${output.format}${rate}, ${sizeText(output.size)}`;
}

/** How takes are finished, by the keys of `master:`. */
function masterWords({ loudness, true_peak, trim_silence, fade_out, format, ...more }) {
  return [
    loudness === undefined ? null : `${figure(loudness)} LUFS`,
    true_peak === undefined ? null : `${figure(true_peak)} dBTP at most`,
    trim_silence ? "silence trimmed" : null,
    fade_out ? `${fade_out} s fade-out` : null,
    format?.join(", ") ?? null,
    ...Object.entries(more).map(([name, value]) => `${name}: ${valueText(value)}`),
  ].filter(Boolean);
}
