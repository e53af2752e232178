"use strict";
// One asset: what changes and why, and its takes, the sound that it had beside the one that is wanted.

function promptOf(asset) {
  const fields = asset.new ? asset.fields : asset.old?.fields;
  return typeof fields?.prompt === "string" ? fields.prompt : "";
}

function kindBadge(kind) {
  const [symbol, word, tone] = KINDS[kind];
  return el(`span.kind.${tone}`, {}, symbol ? el("span.symbol", { "aria-hidden": "true" }, symbol) : null, word);
}

function placeText(asset) {
  return asset.file ? `${asset.file}:${asset.line}${asset.row ? `, row ${asset.row}` : ""}` : "no longer in the specs";
}

/** The page of one asset. `desk` has the player and what can be decided. Returns what is to be shown anew when something plays. */
function assetPage(asset, desk) {
  const tracks = tracksOf(asset);
  const shown = [];
  const sides = ["old", "new"].filter((side) => asset[side]);
  const two = sides.length === 2;
  const node = el(
    "article.asset",
    {},
    el(
      "header",
      {},
      el("button.back", { type: "button", onclick: desk.back }, "‹ Assets"),
      el("h2", {}, foreign(asset.address), " ", kindBadge(asset.kind)),
      el(
        "p.meta",
        {},
        foreign(placeText(asset), "code"),
        costText(asset) ? el("span.cost", {}, costText(asset)) : null,
        asset.moved_from ? el("span", {}, "from ", foreign(asset.moved_from, "code")) : null,
        asset.publishes ? el("span", {}, "published as ", foreign(asset.publishes, "code")) : null,
        asset.tags.map((tag) => foreign(tag, "span.tag")),
      ),
      asset.expects.length ? el("p.meta", {}, "expects", asset.expects.map((each) => foreign(each, "span.expected"))) : null,
      asset.master ? el("p.meta", {}, "finished to", masterWords(asset.master).map((each) => foreign(each, "span.expected"))) : null,
      asset.description ? foreign(asset.description, "p.description") : null,
      asset.reasons.some((reason) => reason.path === "prompt") || !promptOf(asset) ? null : foreign(promptOf(asset), "p.prompt"),
      asset.message ? foreign(asset.message, KINDS[asset.kind][2] === "wrong" ? "p.message" : "p.note") : null,
    ),
    outdated(asset),
    reasons(asset),
    el(
      `div.sides${two ? ".two" : ""}`,
      {},
      sides.map((side) => soundPart(asset, side, two, tracks, desk, shown)),
    ),
    askedFor(asset),
  );
  const refresh = () => shown.forEach((each) => each());
  refresh();
  return { node, tracks, refresh };
}

/** A decision about another sound: to be made anew, and an approved one keeps its sound until somebody says yes. */
function outdated({ address, outdated, kind }) {
  if (!outdated) return null;
  const what = outdated.take ? `Take ${outdated.take} of another sound was ${outdated.approved ? "approved" : "picked"}` : "What was decided was about another sound";
  if (!outdated.approved || kind !== "regenerate") return el("p.warning", {}, `${what}, which means nothing for the one that is wanted now.`);
  return el("p.warning", {}, `${what}. To buy this one in its place takes a yes: `, el("code", {}, "--allow-regenerate ", foreign(address)));
}

function reasons(asset) {
  if (!asset.reasons.length) return null;
  return el(
    "section.reasons",
    { "aria-label": "What changes" },
    el("h3", {}, "What changes"),
    el("dl", {}, asset.reasons.map((reason) => [foreign(reason.path, "dt"), el("dd", {}, difference(reason))])),
  );
}

function difference({ before, after, words }) {
  if (words) {
    return el("p.prose", {}, words.map(([side, text]) => (side === "both" ? foreign(text) : foreign(text, side === "old" ? "del" : "ins"))));
  }
  return el(
    "p",
    {},
    before === null ? null : foreign(valueText(before), "del"),
    before === null || after === null ? null : " → ",
    after === null ? null : foreign(valueText(after), "ins"),
  );
}

function askedFor(asset) {
  const fields = Object.entries(asset.new ? asset.fields : (asset.old?.fields ?? {}));
  if (!fields.length) return null;
  return el(
    "details.asked",
    { open: !asset.reasons.length && !tracksOf(asset).length && !promptOf(asset) },
    el("summary", {}, "What is asked for"),
    el("dl", {}, fields.map(([name, value]) => [foreign(name, "dt"), foreign(valueText(value), "dd.prose")])),
  );
}

function soundPart(asset, side, two, tracks, desk, shown) {
  const sound = asset[side];
  const title = side === "new" ? (two ? "As wanted" : "Takes") : two ? "As it was" : "Its takes are kept";
  return el(
    `section.sound.of-${side}`,
    { "aria-label": title },
    el("h3", {}, title, el("code.fingerprint", { title: sound.fingerprint }, sound.fingerprint.slice(0, 11))),
    sound.takes.length ? inSight(sound, side).map((take) => takeCard(asset, side, take, tracks, desk, shown)) : nothingYet(asset),
  );
}

/** By number, as keys pick them; of the sound that an asset had, the take in use comes first. */
function inSight({ takes }, side) {
  return side === "new" ? takes : [...takes].sort((one, other) => other.used - one.used);
}

function nothingYet(asset) {
  const buys = asset.generations ? `An apply makes ${counted(asset.generations, "generation")}; to hear it before the merge: ` : "There is no take of it. ";
  return el("p.empty", {}, buys, asset.generations ? el("code", {}, "mpsjobs apply --draft") : null);
}

function badges(asset, side, take) {
  const found = [];
  if (take.status !== "done") found.push([take.status, take.status === "failed" ? "wrong" : "changed"]);
  if (asset.approved && side === "new" && take.used) found.push(["approved", "new"]);
  else if (take.picked && !take.rejected) found.push(["picked", "new"]);
  else if (take.used) found.push([side === "new" && asset.old ? "first good one" : "in use", "same"]);
  if (take.rejected) found.push(["rejected", "gone"]);
  if (take.unfit) found.push(["not used", "wrong"]);
  if (take.late) found.push(["late", "same"]);
  if (take.draft) found.push(["draft", "changed", `bought before the merge${take.draft_commit ? `, for commit ${take.draft_commit.slice(0, 12)}` : ""}; the apply after it adopts the take for free`]);
  if (take.imported) found.push(["imported", "same"]);
  if (take.environment) found.push([`from ${take.environment}`, "same"]);
  return found.map(([word, tone, title]) => el(`span.badge.${tone}`, { title }, foreign(word)));
}

function takeCard(asset, side, take, tracks, desk, shown) {
  const own = tracks.filter((track) => track.take === take && track.side === side);
  const node = el(
    "article.take",
    { "aria-label": `Take ${take.take}` },
    el(
      "header",
      {},
      el("h4", {}, `Take ${take.take}`),
      badges(asset, side, take),
      el("span.space"),
      side === "new" ? verdictButtons(asset, take) : null,
    ),
    take.message ? foreign(take.message, "p.message") : null,
    own.map((track) => [partHead(track, own), trackPart(track, desk, shown)]),
    asset.master && side === "new" && take.used && take.outputs.length && !take.finished.length
      ? el("p.note", {}, "Its finished file is not made yet: the next apply makes it, for free.")
      : null,
    expectations(asset, side, take),
    el(
      "footer",
      {},
      take.task_id ? el("span.task", {}, "TaskId ", copied(take.task_id)) : null,
      take.finished_at ? el("time", { datetime: take.finished_at }, `${take.finished_at.slice(0, 16).replace("T", " ")} UTC`) : null,
      take.inputs.length ? el("span", {}, "made from ", take.inputs.map((each) => foreign(`${each.asset}#${each.take} `, "code"))) : null,
    ),
  );
  if (take.rejected) node.classList.add("is-rejected");
  shown.push(() => node.classList.toggle("current", own.some((track) => track.key === desk.current()?.key)));
  return node;
}

/** Which of the files of a take this is; nothing, where a take is handed out as the cloud made it. */
function partHead(track, own) {
  if (!track.take.finished.length || own.find((each) => each.finished === track.finished) !== track) return null;
  if (!track.finished) return el("h5", {}, "Raw: as the cloud made it");
  return el("h5", {}, track.take.used ? "Finished: what people and game builds get" : "Finished");
}

/** What a take misses; that it misses nothing, where something is expected. */
function expectations(asset, side, take) {
  if (take.misses.length) return el("ul.misses", { "aria-label": "Not as expected" }, take.misses.map((each) => foreign(each, "li")));
  return side === "new" && asset.expects.length && take.outputs.length ? el("p.fits", {}, "as expected") : null;
}

function copied(text) {
  return el("button.copy", { type: "button", title: "Copy", onclick: () => copyText(text) }, foreign(text, "code"));
}

function trackPart(track, desk, shown) {
  const { player } = desk;
  const button = el("button.round", { type: "button", onclick: () => desk.toggle(track) });
  const wave = seekable(track, desk);
  let playing = null;
  const node = el(`div.track${track.finished || !track.take.finished.length ? "" : ".raw"}`, {}, button, wave.node, figureList(track));
  if (track.output.unmeasured && !track.take.misses.some((each) => each.includes(track.output.unmeasured))) node.append(el("p.message", {}, "Not measured: ", foreign(track.output.unmeasured)));
  shown.push(() => {
    wave.show();
    node.classList.toggle("current", track.key === desk.current()?.key);
    if (playing === player.isPlaying(track)) return;
    playing = player.isPlaying(track);
    button.replaceChildren(icon(playing ? "pause" : "play"));
    button.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${track.label}`);
  });
  return node;
}

function figureList(track) {
  return el(
    "dl.figures",
    {},
    figures(track.output).map(([name, text, title]) => el("div", { title }, el("dt", {}, name), el("dd", {}, text))),
    el("div", {}, el("dt", {}, "file"), el("dd", {}, filesOf(track).map((output) => fileLink(track, output)))),
  );
}

/** Opened from a folder, a browser shows the file instead of saving it: beside the page, not in its place. */
function fileLink(track, output) {
  const name = `${track.address}-take-${track.take.take}${track.finished ? "-finished" : ""}.${output.format}`;
  return el("a.file-link", { href: output.audio, download: name, target: "_blank", title: "Save this file", "aria-label": `Save ${track.label} as ${output.format}` }, foreign(fileText(output)));
}
