/* One entry's showcase: the same slots for everyone. */
import { byId, h, safeUrl, show } from "./dom.js";
import { address, byReading, openSite } from "./site.js";

const page = await openSite("home");
const { t, pick, contest } = page;
const stage = byId("stage");
const noun = pick(contest?.entry_noun);
const wanted = new URLSearchParams(location.search).get("id");
const entry = contest?.entries.find(({ id }) => id === wanted);

if (!contest) stage.replaceChildren(h("h1", {}, t("block.title")), h("p", {}, t(`trouble.${page.trouble}`)));
else if (entry) drawEntry();
else {
	show(stage, h("h1", {}, t("team.none", { noun })), h("p", {}, t("team.none_text")),
		h("p", {}, h("a", { class: "button", href: address(page, "/") }, t("team.home"))));
}

function drawEntry() {
	const name = pick(entry.name);
	document.title = `${name} · ${document.title}`;
	const slot = (key, value, values) => h("div", { class: "slot" }, h("dt", {}, t(key, values)), h("dd", {}, value));
	const links = entry.links.filter(({ url }) => safeUrl(url)).map(({ label, url }) =>
		h("li", {}, h("a", { href: url, rel: "noopener noreferrer external" }, pick(label))));
	stage.replaceChildren(
		h("p", { class: "kicker" }, pick(contest.name)), h("h1", {}, name),
		h("p", { class: "lead showcase" }, pick(entry.showcase)),
		h("dl", { class: "slots" },
			slot("team.lead", pick(entry.lead) || name),
			slot("team.head", pick(entry.head) || "–"),
			contest.entries.some(({ model }) => pick(model)) && slot("team.model", pick(entry.model) || t("home.no_model")),
			slot("team.goal", pick(entry.goal)),
			entry.participants.length > 0 && slot("team.participants", h("ul", { class: "chips" },
				entry.participants.map((organisation) => h("li", {}, pick(organisation.name)))),
			{ n: entry.participants.length }),
			slot("team.links", links.length ? h("ul", { class: "links" }, links) : t("team.no_links", { noun }))),
		h("nav", { class: "others", "aria-labelledby": "others-title" },
			h("h2", { id: "others-title" }, t("team.others", { noun })),
			h("ul", {}, byReading(contest).filter((other) => other !== entry).map((other) =>
				h("li", {}, h("a", { href: address(page, "/team/", { id: other.id }) }, pick(other.name)))))));
	stage.removeAttribute("aria-busy");
}
