/* Acts that wait for a second organiser. */
import { h } from "./dom.js";
import { ask } from "./organiser-dialog.js";
import { actWords, refusalNodes, whoWords } from "./organiser-words.js";
import { put, section, whenChanged } from "./organiser-parts.js";

export function requestsSection({ page, me, controls, call, refresh }) {
	const { t, times } = page;
	const list = h("ul", { class: "o-requests" });
	const none = h("p", { class: "soft" }, t("organiser.requests.none"));
	const done = h("p", { class: "o-done", role: "status" });
	const element = section("requests", t("organiser.section.requests"), done, none, list);

	const decide = (request, decision) => ask(page, {
		title: t(`organiser.requests.${decision}_title`),
		what: [actWords(page, request.act), t(`organiser.requests.${decision}_what`)],
		why: true, confirm: false, danger: decision === "approve", button: t(`organiser.requests.${decision}`),
		words: (error) => refusalNodes(page, error),
		act: async ({ why }) => {
			await call("decide", request.id, decision, why);
			put(done, t(`organiser.requests.${decision}_done`));
			refresh();
		},
	});

	function one(request, names) {
		const mine = request.who === `organiser:${me.id}`;
		return h("li", {}, h("h3", {}, actWords(page, request.act)),
			h("p", { class: "soft" }, t("organiser.requests.by", { who: whoWords(page, request.who, names), when: times.moment(request.at) })),
			request.why && h("p", {}, t("organiser.requests.why", { why: request.why })),
			controls && (mine ? h("p", { class: "soft" }, t("organiser.requests.mine"))
				: h("div", { class: "actions" },
					h("button", { type: "button", class: "button", onclick: () => decide(request, "approve") }, t("organiser.requests.approve")),
					h("button", { type: "button", class: "button button-quiet", onclick: () => decide(request, "reject") },
						t("organiser.requests.reject")))));
	}

	const draw = whenChanged(({ requests }) => requests, ({ requests = [], people = [] }) => {
		const names = new Map(people.map(({ id, name }) => [id, name]));
		none.hidden = requests.length > 0;
		list.replaceChildren(...requests.map((request) => one(request, names)));
	});
	return { element, draw };
}
