/* The receipt to keep: as a file, as a copy, or as a QR code for another device. All three open the voter's choice to
 * whoever holds them, and the section says so before it gives them. */
import { toBase64Url, utf8 } from "./bytes.js";
import { copy, download, h, put } from "./dom.js";
import { address } from "./site.js";
import { printOpening } from "./tlog.js";

const VENDOR = "/vendor/qr.js";

/* `file`: the proof with its opening; before it is here there is only the QR code, which leads to a page that asks the
 * log itself, and the file has its room and says `within` what time it comes. A shared device is offered no file and no
 * copy: both would stay on it. → { element, arrive(file) }, which leaves an open QR code and the focus alone. */
export function keepSection(page, t, { file, opening, shared, within }) {
	const button = (words, onclick, more = {}) =>
		h("button", { type: "button", class: "button button-quiet", onclick, ...more }, words);
	const place = h("div", { class: "qr", id: "qr" });
	const said = h("p", { class: "soft", role: "status" });
	const toggle = async ({ currentTarget }) => {
		const open = currentTarget.getAttribute("aria-expanded") === "true";
		const code = open ? null : await drawn(t, verifyAddress(page, opening)).catch(() => null);
		put(said, open ? "" : t(code ? "keep.qr_text" : "keep.qr_missing"));
		place.replaceChildren(...code ? [code] : []);
		currentTarget.setAttribute("aria-expanded", String(Boolean(code)));
		put(currentTarget, t(code ? "keep.qr_hide" : "keep.qr"));
	};
	const name = `${opening.identity.replaceAll(/[^a-z0-9.-]+/gi, "-")}-${opening.index}.tlog-proof`;
	const text = h("p", { class: "soft roomy" }, h("span"));
	const save = button(t("keep.save"), () => download(name, new Blob([file], { type: "text/plain" })));
	const copied = button(t("keep.copy"), ({ currentTarget }) => copy(file, currentTarget, t("copied")));
	const arrive = (proof) => {
		file = proof;
		save.disabled = copied.disabled = !file;
		const [now, later] = [t("keep.text"), t("keep.later", { within })];
		put(text.firstChild, shared ? t("keep.text_shared") : file ? now : later);
		text.dataset.room = shared ? "" : file ? later : now; // each leaves the other's room
	};
	arrive(file);
	const element = h("section", { class: "keep", "aria-labelledby": "keep-title" },
		h("h2", { id: "keep-title" }, t("keep.title")),
		text,
		h("p", { class: "keep-warning" }, h("strong", {}, t("keep.warning")), " ", t("keep.warning_text")),
		h("div", { class: "actions" },
			!shared && save, !shared && copied,
			button(t("keep.qr"), toggle, { "aria-expanded": "false", "aria-controls": "qr" }),
			!shared && h("a", { class: "button button-text", href: address(page, "/verify/") }, t("keep.verify"))),
		said, place);
	return { element, arrive };
}

/* Opened by another device, the verify page reads the opening from the fragment, which is sent to nobody. */
export const verifyAddress = (page, opening) =>
	`${location.origin}${address(page, "/verify/")}#${toBase64Url(utf8(printOpening(opening))).replaceAll("=", "")}`;

async function drawn(t, text) {
	const { correction, generate } = await import(VENDOR);
	const canvas = h("canvas", { class: "qr-code", role: "img", "aria-label": t("keep.qr_alt") });
	generate(text, { minCorrectionLevel: correction.M }).toCanvas(canvas, { on: [0, 0, 0], off: [255, 255, 255] });
	return canvas;
}
