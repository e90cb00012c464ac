/* The help page: text, and the receipt that this browser keeps, checked here and now. */
import { commitsTo } from "./commitment.js";
import { fromBase64 } from "./bytes.js";
import { byId, h } from "./dom.js";
import { canonicalBallot, knowsForm } from "./forms.js";
import { browserStorage, recordsFor } from "./records.js";
import { address, openSite } from "./site.js";

const page = await openSite();
const { t, contest, pinned } = page;
if (contest && crypto.subtle) byId("kept").replaceChildren(...await kept());
if (location.hash) document.querySelector(location.hash)?.scrollIntoView();

async function kept() {
	const link = (key) => h("p", {}, h("a", { class: "button button-quiet", href: address(page, "/vote/") }, t(key)));
	const record = recordsFor(pinned, browserStorage("localStorage")).load();
	if (!record) return [h("p", {}, t("check.none"))];
	if (record.step !== "counted") return [h("p", {}, t("check.pending")), link("check.go_on")];
	const { receipt, token, ballot } = record;
	if (!ballot || !knowsForm(contest)) return [h("h3", {}, t("check.found")), link("check.open")];
	const good = await commitsTo(pinned, receipt, fromBase64(token), canonicalBallot(contest, ballot));
	return [h("h3", {}, t("check.found")),
		h("p", { class: good ? "verdict verdict-good" : "verdict verdict-bad" }, t(good ? "check.good" : "check.bad")),
		link("check.open")];
}
