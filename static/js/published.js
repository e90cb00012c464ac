/* The pages of a published bundle (FORMAT.md section 5): everything stands in files beside them, nothing is asked of a
 * server, and what only a running contest has is not offered. */
import { Unreachable } from "./api.js";

/* What createApi() gives, as far as there is an answer in the files. */
export function publishedApi(fetcher = (...args) => fetch(...args)) {
	let reading = null;

	async function file(path) {
		let response;
		try {
			response = await fetcher(path, { credentials: "omit", cache: "no-cache" });
		} catch (error) {
			throw new Unreachable(error.message, { cause: error });
		}
		if (!response.ok) throw new Unreachable(`${path}: ${response.status}`);
		return new Uint8Array(await response.arrayBuffer());
	}
	const text = async (path) => new TextDecoder().decode(await file(path));

	/* { bytes, value } of published.json, read once. */
	const published = () => reading ??= file("/published.json").then((bytes) =>
		({ bytes, value: JSON.parse(new TextDecoder().decode(bytes)) }));
	const of = async (id) => {
		const { value } = await published();
		if (value.definition.id !== id) throw new Unreachable(`nothing is published of ${id}`);
		return value;
	};
	const resultUrl = (_, version) => `/results/${version}.json`;
	const noteUrl = (_, version) => `/results/${version}.note`;

	return {
		file, text, resultUrl, noteUrl,
		publishedBytes: async () => (await published()).bytes,
		contest: async (id) => (await of(id)).definition,
		results: async (id) => [...(await of(id)).results],
		tally: async (id) => (await of(id)).tally,
		signedResult: async (id, version) => ({ document: await text(resultUrl(id, version)), note: await text(noteUrl(id, version)) }),
	};
}

const LIVE_ONLY = /^(\/en)?\/(vote|expert|organiser|projector)\//;

/* Takes away the ways to what only a running contest has, and what is told of it; within a sentence the words stay. */
export function hideLive(root = document) {
	for (const part of root.querySelectorAll("[data-live], [data-copy]")) part.hidden = "live" in part.dataset;
	for (const link of root.querySelectorAll("a[href]")) {
		if (!LIVE_ONLY.test(link.getAttribute("href"))) continue;
		if (link.closest("p, li:not(nav li)")) link.replaceWith(...link.childNodes);
		else link.hidden = true;
	}
}
