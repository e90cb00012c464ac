/* Builds elements. Text goes in as text only: the pages run under Trusted Types without any policy. */

/* h("p", { class: "lead", onclick: act, hidden: true }, "text", node, null). */
export function h(tag, properties = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (value === undefined || value === null || value === false) continue;
		if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
		else element.setAttribute(name, value === true ? "" : value);
	}
	element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

export const byId = (id) => document.getElementById(id);

/* Leaves what already stands alone, so that a reader's selection and a screen reader's place are kept. */
export function put(element, text) {
	if (element.textContent !== text) element.textContent = text;
}

/* Draws only when what it looks at has changed: snapshots come up to four times a second. */
export function whenChanged(look, draw) {
	let before = null;
	return (news) => {
		const text = JSON.stringify(look(news));
		if (text === before) return;
		before = text;
		draw(news);
	};
}

/* Shows one screen in place of another, and takes the reader there. */
export function show(place, ...children) {
	place.replaceChildren(...children.flat().filter(Boolean));
	place.removeAttribute("aria-busy");
	const heading = place.querySelector("h1");
	if (heading) {
		heading.tabIndex = -1;
		heading.focus({ preventScroll: true });
	}
	if (place.dataset.shown) heading?.scrollIntoView(); // later screens begin at their heading
	place.dataset.shown = "yes";
}

/* Contest files name https addresses only; the pages trust no server to keep to that. */
export const safeUrl = (url) => /^https:\/\//.test(url) ? url : null;

const PLACE = /^https:\/\/(?=[^/]{1,80}(?:\/|$))[a-z0-9][a-z0-9.-]*(?::[1-9]\d{0,4})?(?:\/[\w.~/%-]*)?$/;

/* Where a published bundle stands. It is put into a command line, too: what is not of the form that contest files are held
 * to (daemon/config/values.c) could be a command of its own. */
export function safePlace(url) {
	try {
		return typeof url === "string" && url.length <= 300 && PLACE.test(url) && new URL(url) ? url : null;
	} catch {
		return null; // such as a port beyond the last
	}
}

export const safePlaces = (list) => Array.isArray(list) ? list.filter(safePlace) : [];

export async function copy(text, button, done) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		const field = h("textarea", { class: "unseen", readonly: true }, text);
		document.body.append(field);
		field.select();
		document.execCommand("copy");
		field.remove();
		button.focus();
	}
	button.textContent = done;
}

export function download(name, blob) {
	const url = URL.createObjectURL(blob);
	const link = h("a", { href: url, download: name });
	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
