"use strict";
// What is decided. A served page writes it into the project's files at once; an exported one keeps it until it is taken along as picks.json.

/** Of one take: {take, sha256}, which says which recording was heard. */
function recording(take) {
  return { take: take.take, sha256: take.sha256 };
}

/** What is said of an asset, in the words of `picks.json`: {pick: take or null, rejected: take, taken_back: take, approved: true or false}. */
function spoken(asset, { pick, rejected, taken_back, approved }) {
  return {
    address: asset.address,
    fingerprint: asset.new.fingerprint,
    ...(pick === undefined ? {} : pick === null ? { pick: 0 } : { pick: pick.take, sha256: pick.sha256 }),
    ...(rejected ? { rejected: [recording(rejected)] } : {}),
    ...(taken_back ? { take_back: [taken_back.take] } : {}),
    ...(approved === undefined ? {} : { approved }),
  };
}

/** Decides by way of the project's files. */
class Written {
  #queue = Promise.resolve();
  diff = REVIEW.diff;

  constructor(onchange) {
    this.onchange = onchange;
  }

  /** One after the other: each is about what came of the one before. */
  decide(asset, verdict, words) {
    this.#queue = this.#queue.then(() => this.#send(asset, verdict, words));
    return this.#queue;
  }

  async #send(asset, verdict, words) {
    try {
      const answer = await fetch("decisions", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify([spoken(asset, verdict)]),
      });
      const text = await answer.text();
      if (answer.status === 409) {
        const [problem] = JSON.parse(text).problems;
        lookAgain(); // what is shown may be of before
        return say(problemText(problem), true);
      }
      if (!answer.ok) return say(text, true);
      const found = JSON.parse(text);
      this.diff = found.diff;
      showPlan(found.summary);
      this.onchange(found.assets);
      say(words);
    } catch {
      say("Nobody answers: mpsjobs review was stopped. Nothing was decided.", true);
    }
  }

  get summary() {
    const files = new Set([...this.diff.matchAll(/^\+\+\+ b\/(.*)$/gm)].map((found) => found[1]));
    return files.size ? `To commit: ${counted(files.size, "file")}` : null;
  }

  show() {
    const lines = this.diff.split("\n").map((line) => {
      const tone = line.startsWith("+++") || line.startsWith("---") ? "file" : { "+": "added", "-": "removed", "@": "place" }[line[0]];
      return el(tone ? `span.line.${tone}` : "span.line", {}, foreign(line));
    });
    return [
      el("p", {}, `This was written into the project. Commit it; the next apply obeys it${costText(REVIEW.summary) ? `. All that is planned: ${costText(REVIEW.summary)}.` : ", for free."}`),
      el("pre.diff", { tabindex: "0", "aria-label": "What has changed in files" }, lines),
    ];
  }
}

/** Collects decisions in this browser, by the sound that they are about. */
class Collected {
  #key = `mpsjobs review ${REVIEW.project} ${REVIEW.lineage}`;
  #made = new Map();

  constructor(onchange) {
    this.onchange = onchange;
    this.#read();
    for (const asset of REVIEW.assets) if (asset.new) this.#apply(asset);
    window.addEventListener("storage", ({ key }) => {
      if (key !== this.#key) return;
      this.#read();
      const wanted = REVIEW.assets.filter((asset) => asset.new);
      wanted.forEach((asset) => this.#apply(asset));
      this.onchange(wanted);
    });
  }

  /** What was decided so far, in another tab too. */
  #read() {
    try {
      const kept = localStorage.getItem(this.#key);
      if (kept !== null) this.#made = new Map(JSON.parse(kept));
    } catch {
      // no storage, or something else in it: go on with what is known here
    }
  }

  decide(asset, { pick, rejected, taken_back, approved }, words) {
    this.#read();
    const made = this.#of(asset) ?? { fingerprint: asset.new.fingerprint, rejected: [] };
    if (pick === null && made.take === undefined) return say("It was picked before this page was made: mpsjobs pick --undo", true);
    if (pick !== undefined) {
      if (made.take !== pick?.take) delete made.approved;
      made.take = pick?.take;
      made.sha256 = pick?.sha256;
    }
    if (rejected) {
      if (asset.approved && asset.new.takes.some((take) => take.used && take === rejected)) {
        return say(`Take ${rejected.take} is approved. Take that back first (a).`, true);
      }
      made.rejected.push(recording(rejected));
      if (made.take === rejected.take) delete made.take, delete made.sha256;
    }
    if (taken_back) {
      const left = made.rejected.filter((each) => each.take !== taken_back.take);
      if (left.length === made.rejected.length) return say("It was rejected before this page was made: mpsjobs reject --undo", true);
      made.rejected = left;
    }
    if (approved !== undefined) {
      const used = asset.new.takes.find((take) => take.used);
      made.approved = approved;
      if (approved) [made.take, made.sha256] = [used.take, used.sha256];
    }
    if (made.take === undefined && made.approved === undefined && !made.rejected.length) this.#made.delete(asset.address);
    else this.#made.set(asset.address, made);
    this.#apply(asset);
    this.#save();
    this.onchange([asset]);
    say(words);
  }

  #of(asset) {
    const made = this.#made.get(asset.address);
    return made?.fingerprint === asset.new?.fingerprint ? made : undefined;
  }

  #save() {
    try {
      localStorage.setItem(this.#key, JSON.stringify([...this.#made]));
    } catch {
      say("This browser keeps nothing for this page: take your decisions along before you close it.", true);
    }
  }

  /** The takes as they are with what was decided here on top of what was decided before. */
  #apply(asset) {
    asset.before ??= { approved: asset.approved, pick: asset.new.pick, rejected: asset.new.takes.map((take) => take.rejected) };
    const made = this.#of(asset);
    asset.new.pick = made?.take ?? asset.before.pick;
    asset.approved = made?.approved ?? (asset.before.approved && asset.new.pick === asset.before.pick);
    asset.new.takes.forEach((take, number) => {
      take.rejected = asset.before.rejected[number] || (made?.rejected ?? []).some((each) => each.take === take.take);
      take.picked = take.take === asset.new.pick;
    });
    const usable = asset.new.takes.filter((take) => take.outputs.length && !take.rejected);
    const used = usable.find((take) => take.picked) ?? usable.find((take) => !take.late) ?? usable[0];
    for (const take of asset.new.takes) take.used = take === used;
  }

  get summary() {
    return this.#made.size ? counted(this.#made.size, "decision") : null;
  }

  get #document() {
    return {
      format_version: 1,
      project: REVIEW.project,
      environment: REVIEW.environment,
      exported_at: new Date().toISOString(),
      decisions: [...this.#made].sort().map(([address, made]) => ({ address, ...made, rejected: made.rejected.length ? made.rejected : undefined })),
    };
  }

  get #command() {
    return REVIEW.environment ? `mpsjobs --env ${REVIEW.environment}` : "mpsjobs";
  }

  /** How many takes are to be bought in place of those that were rejected here. */
  get #replacements() {
    let found = 0;
    for (const [address, { rejected }] of this.#made) {
      const asset = byAddress.get(address);
      const left = asset?.new?.takes.filter((take) => take.outputs.length && !take.rejected).length ?? 0;
      if (asset?.new) found += Math.min(rejected.length, Math.max(0, asset.takes - left - asset.generations));
    }
    return found;
  }

  /** Commands that say the same, for a comment that people read. */
  get #line() {
    const mpsjobs = this.#command;
    return [...this.#made]
      .sort()
      .flatMap(([address, made]) => [
        made.take !== undefined && !made.approved ? `${mpsjobs} pick ${address} ${made.take}` : null,
        ...made.rejected.map((each) => `${mpsjobs} reject ${address} ${each.take}`),
        made.approved ? `${mpsjobs} pick ${address} ${made.take} && ${mpsjobs} approve ${address}` : null,
        made.approved === false ? `${mpsjobs} approve --undo ${address}` : null,
      ])
      .filter(Boolean)
      .join(" && ");
  }

  #download() {
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(this.#document, null, 2)}\n`], { type: "application/json" }));
    el("a", { href: url, download: "picks.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  show() {
    const words = (made) =>
      [
        made.take !== undefined ? `take ${made.take} ${made.approved ? "approved" : "picked"}` : null,
        made.approved === false ? "approval taken back" : null,
        made.rejected.length ? `rejected: ${made.rejected.map((each) => each.take).join(", ")}` : null,
      ]
        .filter(Boolean)
        .join("; ");
    return [
      el("ul.made", {}, [...this.#made].sort().map(([address, made]) => el("li", {}, foreign(address, "code"), ` ${words(made)}`))),
      this.#replacements ? el("p", {}, `In place of what is rejected the next apply buys ${counted(this.#replacements, "take")}.`) : null,
      el("p", {}, "Take them along as a file, and in the repository run ", el("code", {}, `${this.#command} pick --from picks.json`)),
      el("p.actions", {}, el("button.main", { type: "button", onclick: () => this.#download() }, "Download picks.json")),
      el("p", {}, "Or paste this line into the pull request:"),
      el("pre.diff", { tabindex: "0", "aria-label": "A line for the pull request" }, foreign(this.#line)),
      el("p.actions", {}, el("button", { type: "button", onclick: () => copyText(this.#line) }, "Copy the line")),
    ];
  }
}

// --- verdicts, as buttons and keys give them

const VERDICTS = {
  pick: (asset, take) => desk.decisions.decide(asset, { pick: take.picked ? null : take }, take.picked ? `${asset.address}: nothing is picked` : `${asset.address}: take ${take.take} is picked`),
  approve: (asset) =>
    desk.decisions.decide(asset, { approved: !asset.approved }, `${asset.address}: take ${asset.new.takes.find((take) => take.used)?.take} is ${asset.approved ? "approved no more" : "approved"}`),
  reject: (asset, take) =>
    desk.decisions.decide(asset, take.rejected ? { taken_back: take } : { rejected: take }, `${asset.address}: take ${take.take} is ${take.rejected ? "not rejected any more" : "rejected"}`),
};

/** The buttons of one take. */
function verdictButtons(asset, take) {
  if (!take.outputs.length) return null;
  const button = (name, word, key, pressed) =>
    el("button.verdict", { type: "button", "aria-pressed": String(pressed), title: `${word} (${key})`, "aria-label": `${word} take ${take.take}`, onclick: () => VERDICTS[name](asset, take) }, word);
  return el(
    "span.verdicts",
    {},
    take.rejected ? null : button("pick", "Pick", take.take, take.picked),
    take.used ? button("approve", "Approve", "a", asset.approved) : null,
    button("reject", "Reject", "x", take.rejected),
  );
}
