/* Draws what a check found: one sentence, what to do next, and the details folded. */
import { fromBase64, toBase64 } from "./bytes.js";
import { byId, download, h } from "./dom.js";
import { verifierKey } from "./tlog.js";
import { choiceWords } from "./verify-choice.js";

/* How a verdict looks: it never hangs on colour alone, the sign differs, too. Whoever brings a receipt of elsewhere has
 * done nothing wrong. */
const looks = { included: "good", "included-unproven": "wait", pending: "wait", behind: "wait", halted: "wait", off: "wait", unreachable: "wait", cannot: "wait", "log-incomplete": "wait",
	foreign: "note", "foreign-shard": "bad" };
const signs = { good: "M11 25.5l9 9L37.5 15", wait: "M24 7a17 17 0 1 0 0 34a17 17 0 1 0 0-34M24 15v10l6 5", note: "M24 7a17 17 0 1 0 0 34a17 17 0 1 0 0-34M24 15v1M24 22v11", bad: "M13 13l22 22M35 13L13 35" };

/* Where what was signed contradicts itself, the signed notes are all that others need to see it. */
const contradicts = ({ kind, why }) => kind === "log" && ["shrunk", "rewritten", "epoch", "certified"].includes(why)
	|| kind === "missing" && why === "changed";

/* Where it cannot be known yet whether they do. */
const mayContradict = ({ facts }) => facts.short === "part";

/* What has another advice where there is no voting page any more. */
const copyNext = new Set(["missing-lost", "forged-signature", "forged-proof", "log-incomplete", "log-result"]);

function sign(look) {
	const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
	svg.setAttribute("viewBox", "0 0 48 48");
	svg.setAttribute("class", "verdict-sign");
	svg.setAttribute("aria-hidden", "true");
	path.setAttribute("d", signs[look]);
	svg.append(path);
	return svg;
}

/* `contest` is the definition, null where the server did not answer. Gives the heading, for the focus. */
export async function showVerdict(page, place, result, { subject, contest, halted, again }) {
	const { t } = page;
	const { kind, why } = result;
	const included = kind === "included";
	const unproven = included && page.published && !(await page.proof)?.good; // its own pages may be as false as the rest of it
	const name = why ? `${kind}-${why}` : unproven ? "included-unproven" : included && !subject.opening ? "included-entry" : kind;
	const look = looks[name] ?? looks[kind] ?? "bad";
	const next = page.published && copyNext.has(name) ? `next_copy.${name}` : `next.${included && !unproven ? afterInclusion(result) : name}`;
	const button = (key, onclick) => h("button", { type: "button", class: "button button-quiet", onclick }, t(key));
	const heading = h("h2", { id: "verdict-title", tabindex: "-1" }, t(`verdict.${name}`));
	const opens = included && subject.opening ? choice(page, { subject, contest, button }) : null;
	const details = await foldedDetails(page, result);
	place.replaceChildren(
		h("div", { class: `found found-${look}` }, sign(look),
			h("div", {}, heading, included && !subject.opening && h("p", {}, t("verify.opens_not")),
				h("p", {}, t(next, { name: subject.identity ?? subject.receipt?.contest })),
				remarks(page, result, { subject, contest, halted }),
				h("div", { class: "actions" }, !["foreign", "cannot"].includes(kind) && button("verify.again", again), opens?.button,
					(contradicts(result) || mayContradict(result)) && button("verify.evidence", () => saveEvidence(result)),
					look === "bad" && page.proven !== false && h("a", { class: "button button-quiet", href: byId("contact").href }, t("verify.contact"))))),
		opens?.place ?? "", details ?? "");
	place.hidden = false;
	return heading;
}

const afterInclusion = ({ facts }) => facts.certified ? "included-final" : "included";

/* What a reader has to know beside the verdict. */
function remarks({ t, number }, { kind, facts }, { subject, contest, halted }) {
	const last = facts.statements?.at(-1);
	const lines = [
		kind === "missing" && subject.receipt && t("verify.which_round"), // the voting page's receipt does not name it
		["behind", "unreachable"].includes(kind) && facts.held && t("verify.held"),
		facts.short === "part" && t("verify.short"),
		kind === "included" && halted && t("verify.halted"),
		kind === "included" && !contest && t("verify.unknown_phase"),
		kind === "included" && contest?.revote === "replace" && t("verify.replaced"),
		last && t("verify.restarted", { epoch: facts.now.epoch, size: number.count(last.size), ballots: number.count(last.ballots) }),
		last && last.ballots < last.size && t("verify.restarted_gap", { from: number.count(last.ballots) }),
	];
	return lines.filter(Boolean).map((line) => h("p", { class: "remark" }, line));
}

/* The choice, on request only: somebody may stand behind the reader. */
function choice(page, { subject: { opening }, contest, button }) {
	const { t } = page;
	const place = h("div", { id: "opened", class: "opened", hidden: true });
	const toggle = button("verify.opens", () => {
		place.hidden = !place.hidden;
		toggle.setAttribute("aria-expanded", String(!place.hidden));
		toggle.textContent = t(place.hidden ? "verify.opens" : "verify.opens_hide");
		place.replaceChildren(...place.hidden ? [] : opened());
	});
	toggle.setAttribute("aria-expanded", "false");
	toggle.setAttribute("aria-controls", "opened");
	const opened = () => {
		const words = choiceWords(opening.ballot, contest, page);
		return [h("p", {}, t("verify.opens_text")),
			words ? h("ul", { class: "opened-choice" }, words.map((line) => h("li", {}, line)))
				: [h("p", {}, t("verify.opens_form")), h("pre", {}, opening.ballot)]].flat();
	};
	return { button: toggle, place };
}

async function foldedDetails(page, { steps, facts }) {
	const { t, pick, number } = page;
	if (!facts.pinned) return null;
	const code = (text) => h("code", {}, text);
	const row = (key, ...value) => h("div", {}, h("dt", {}, t(key)), h("dd", {}, value));
	const checkpoint = (key, one) => one && row(key, code(one.origin), h("br"),
		t("fact.checkpoint", { size: number.count(one.size) }), " ", code(toBase64(one.root)));
	const key = await verifierKey(facts.now?.origin ?? facts.held?.origin ?? facts.identity, fromBase64(facts.pinned.log_key));
	const epoch = facts.now?.epoch ?? 1;
	const files = `${page.published ? "" : page.site.api}/log/${facts.pinned.id}/${facts.shard}/${epoch > 1 ? `epoch-${epoch}/` : ""}`;
	return h("details", { class: "fold" }, h("summary", {}, t("verify.details")), h("div", {},
		h("ul", { class: "steps" }, steps.map(([name, good]) => h("li", { class: good ? "step-good" : "step-bad" },
			h("strong", {}, t(good ? "verify.yes" : "verify.no")), " ", t(`step.${name}`)))),
		h("dl", { class: "verify-facts" }, row("fact.contest", pick(facts.pinned.name) || facts.pinned.id),
			row("fact.shard", String(facts.shard)), row("fact.index", String(facts.index)),
			facts.entry && row("fact.entry", code(toBase64(facts.entry))),
			checkpoint("fact.held", facts.held), checkpoint("fact.now", facts.now),
			facts.certified && row("fact.certified", t("fact.version", { n: facts.certified.version })),
			row("fact.key", code(key)), row("fact.files", h("a", { href: `${files}checkpoint` }, code(`${files}checkpoint`))))));
}

function saveEvidence({ facts: { pinned, shard, held, now, statements } }) {
	const notes = [held, ...statements, now].filter(Boolean).map(({ note }) => note);
	download(`${pinned.id}-${shard}-evidence.txt`, new Blob([notes.join("\n")], { type: "text/plain" }));
}
