/* The help page: text, and the receipt that this browser keeps, checked here and now. */
import { commitsTo } from "./commitment.js";
import { fromBase64 } from "./bytes.js";
import { byId, h } from "./dom.js";
import { canonicalBallot, knowsForm } from "./forms.js";
import { browserStorage, recordsFor } from "./records.js";
import { address, openSite } from "./site.js";

const page = await openSite();
const { t, contest, pinned } = page;
byId("code").hidden = page.published || contest?.admission !== "codes";
if (contest && crypto.subtle) byId("kept").replaceChildren(...await kept());
if (pinned) import("./check-yourself.js").then(({ offerToVerify }) => offerToVerify(page, (fold) => byId("yourself").replaceChildren(fold)));
if (location.hash) document.querySelector(location.hash)?.scrollIntoView();

async function kept() {
	// Where nothing runs any more there is no voting page; the receipt can be checked all the same.
	const link = (key) => h("p", {}, h("a", { class: "button button-quiet",
		href: address(page, page.published ? "/verify/" : "/vote/") }, t(key)));
	const record = recordsFor(pinned, browserStorage("localStorage")).load();
	if (!record || (page.published && record.step !== "counted")) return [h("p", {}, t("check.none"))];
	if (record.step !== "counted") return [h("p", {}, t("check.pending")), link("check.go_on")];
	const { receipt, token, ballot } = record;
	if (!ballot || !knowsForm(contest)) return [h("h3", {}, t("check.found")), link("check.open")];
	const good = await commitsTo(pinned, receipt, fromBase64(token), canonicalBallot(contest, ballot));
	return [h("h3", {}, t("check.found")),
		h("p", { class: good ? "verdict verdict-good" : "verdict verdict-bad" }, t(good ? "check.good" : "check.bad")),
		link("check.open")];
}
