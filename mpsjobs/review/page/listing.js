"use strict";
// Which assets are listed, in which order, and how a row looks. What somebody looks for is in `heard` (app.js).

const FILTERS = {
  all: ["All", () => true],
  changed: ["Changed", (asset) => asset.kind !== "keep"],
  failed: ["Failed", isFailed],
  unpicked: ["Unpicked", isUnpicked],
};

const NONE = {
  all: "No asset fits.",
  changed: "Nothing changes: every asset is as the specs want it.",
  failed: "Nothing failed, and everything is as expected.",
  unpicked: "There is nothing to choose: no asset has several takes and no pick.",
};

function nothingAtAll() {
  return REVIEW.only_changed ? "Nothing changes, and this page has changed assets alone. All of them: mpsjobs review --export DIR --all" : "There are no assets yet. Write some in the specs.";
}

function isFailed(asset) {
  const used = asset.new?.takes.find((take) => take.used);
  return asset.kind === "failed" || asset.kind === "unresolved" || Boolean(used?.misses.length) || Boolean(asset.new?.takes.some((take) => take.unfit));
}

/** There is a choice, and nobody made it. */
function isUnpicked(asset) {
  return asset.new?.pick === null && !asset.approved && asset.new.takes.filter((take) => take.outputs.length && !take.rejected).length > 1;
}

function textOf(asset) {
  asset.text ??= [asset.address, asset.file, asset.description, ...asset.tags, ...Object.values(asset.fields).map(valueText)].join("\n").toLowerCase();
  return asset.text;
}

function matches(asset) {
  return (
    FILTERS[heard.filter][1](asset) && (!heard.tag || asset.tags.includes(heard.tag)) && heard.words.every((word) => textOf(asset).includes(word))
  );
}

const ORDER = Object.keys(KINDS);

/** By file, within a file by what happens, then by address: rows for the list. */
function rowsOf(assets) {
  const rows = [];
  let [file, kind] = [undefined, undefined];
  for (const asset of assets) {
    if (asset.file !== file || asset.kind !== kind) {
      [file, kind] = [asset.file, asset.kind];
      rows.push({ head: [foreign(file ?? "no longer in the specs", "span.file"), kindBadge(kind)] });
    }
    rows.push({ asset });
  }
  return rows;
}

function inOrder(one, other) {
  const files = (one.file ?? "\uffff").localeCompare(other.file ?? "\uffff");
  return files || ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind) || (one.address < other.address ? -1 : 1);
}

function showList() {
  const found = REVIEW.assets.filter(matches);
  list.show(rowsOf(found));
  byId("none").hidden = found.length > 0;
  byId("none").textContent = REVIEW.assets.length ? NONE[heard.words.length || heard.tag ? "all" : heard.filter] : nothingAtAll();
  byId("count").textContent = found.length === REVIEW.assets.length ? counted(found.length, "asset") : `${found.length.toLocaleString("en")} of ${counted(REVIEW.assets.length, "asset")}`;
  for (const button of byId("filters").children) button.setAttribute("aria-pressed", String(button.dataset.filter === heard.filter));
}

/** Where there is no room, the groups are cut short, not the name. */
function addressText(address) {
  const cut = address.lastIndexOf(".") + 1;
  const parts = [cut ? foreign(address.slice(0, cut), "span.group") : null, foreign(address.slice(cut), "span.own")];
  return el("span", {}, foreign(address, "span.visually-hidden"), el("span.address", { "aria-hidden": "true" }, parts));
}

function listRow(asset) {
  const tracks = tracksOf(asset);
  const track = mainTrack(tracks, "new") ?? mainTrack(tracks, "old");
  const takes = asset.new?.takes.filter((take) => take.outputs.length).length ?? 0;
  const notes = [
    takes > 1 ? counted(takes, "take") : null,
    isFailed(asset) ? "needs a look" : null,
    asset.approved ? "approved" : asset.new?.pick ? `take ${asset.new.pick} picked` : isUnpicked(asset) ? "unpicked" : null,
    costText(asset),
  ];
  return [
    el("span.mark." + KINDS[asset.kind][2], { "aria-hidden": "true" }, KINDS[asset.kind][0] || "·"),
    el(
      "span.name",
      {},
      addressText(asset.address),
      el("span.notes", {}, el("span.visually-hidden", {}, `${KINDS[asset.kind][1]}. `), notes.filter(Boolean).join(" · ") || foreign(promptOf(asset) || asset.tags.join(", "))),
    ),
    el("span.small-wave", { "data-play": track !== null }, track ? waveform(track.output, 44) : null),
    el("span.length", {}, track ? timeText(track.output.duration_s) : ""),
  ];
}
