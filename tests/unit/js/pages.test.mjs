/* What holds for every page: the two languages mirror each other, nothing inline, links lead somewhere, modules
 * are announced, and a citizen's first load stays small. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { knownSlugs } from "../../../static/js/problems.js";

const root = new URL("../../../static/", import.meta.url);
const read = (path) => readFileSync(new URL(path.slice(1), root), "utf8");
const allWords = async (lang) => Object.assign({}, ...await Promise.all(["", "-expert", "-home", "-named", "-organiser", "-published", "-receipt", "-results", "-sign-in", "-verify"]
	.map(async (name) => (await import(`../../../static/i18n/${lang}${name}.js`)).default)));
const ko = await allWords("ko");
const en = await allWords("en");

/* Words and vendored files beside the common ones, and how large the first load may be. */
const citizens = { words: [], vendor: [], max: 60 * 1024 };
const others = { "/": { ...citizens, words: ["home"] }, "/team/": { ...citizens, words: ["home"] }, "/expert/": { ...citizens, words: ["named", "expert"] }, "/results/": { ...citizens, words: ["results"] },
	"/projector/": { ...citizens, words: ["results"] }, "/verify/": { ...citizens, words: ["verify"] },
	"/organiser/": { words: ["named", "organiser"], vendor: ["uplot.js", "uplot.css"], max: 93 * 1024 } };
const loadOf = (path) => others[path.replace(/^\/en/, "")] ?? citizens;
const wordsOf = (path, lang) => ["", ...loadOf(path).words.map((name) => `-${name}`)].map((name) => `/i18n/${lang}${name}.js`);

const pages = ["/organiser/", "/", "/vote/", "/results/", "/projector/", "/verify/", "/team/", "/help/", "/privacy/", "/expert/",
	"/404.html"];
const fileOf = (path) => path.endsWith("/") ? `${path}index.html` : path;
const all = pages.flatMap((path) => [path, `/en${path}`]);
const attributes = (html, name) => [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, "g"))].map(([, v]) => v);

function closure(entry) {
	const seen = new Set();
	(function walk(path) {
		if (seen.has(path)) return;
		seen.add(path);
		for (const [, target] of read(path).matchAll(/^(?:import|export)[^;]*?"(\.[^"]+)";/gm)) {
			walk(posix.join(posix.dirname(path), target));
		}
	})(entry);
	return [...seen];
}

for (const path of all) {
	const html = read(fileOf(path));
	const lang = path.startsWith("/en/") ? "en" : "ko";
	const entry = /<script type="module" src="([^"]+)">/.exec(html)[1];

	test(`${path} has nothing inline`, () => {
		assert.doesNotMatch(html, /\sstyle=|<style|\son[a-z]+=|javascript:/i);
		assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)/);
		assert.match(html, new RegExp(`<html lang="${lang}">`));
	});

	test(`${path} links to what exists, in its own language`, () => {
		for (const link of [...attributes(html, "href"), ...attributes(html, "src")]) {
			if (link === "data:,") continue; // no icon
			const [file, fragment] = link.split("#");
			const target = file || path;
			assert.ok(existsSync(new URL(fileOf(target).slice(1), root)), link);
			if (fragment) assert.match(read(fileOf(target)), new RegExp(`id="${fragment}"`), link);
		}
		for (const [, link] of html.matchAll(/<a (?![^>]*hreflang)[^>]*href="(\/[^"]*)"/g)) {
			assert.equal(link.startsWith("/en/"), lang === "en", link);
		}
	});

	test(`${path} announces exactly the modules it loads`, () => {
		const announced = [...html.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, href]) => href);
		const needed = [...closure(entry).slice(1), ...wordsOf(path, lang)];
		assert.deepEqual(announced.sort(), needed.sort());
	});

	test(`${path} loads at most ${loadOf(path).max / 1024} KB`, () => {
		const styles = [...html.matchAll(/rel="stylesheet" href="([^"]+)"/g)].map(([, href]) => href);
		const files = [fileOf(path), ...styles, ...closure(entry), ...wordsOf(path, lang), "/js/early.js", "/js/enter.js",
			"/emblem.svg"];
		const vendor = loadOf(path).vendor.map((file) => new URL(`../../../ops/pages/vendor/${file}`, import.meta.url))
			.filter((file) => existsSync(file)).map((file) => readFileSync(file));
		const size = [...files.map(read), ...vendor].reduce((sum, text) => sum + gzipSync(text).length, 0);
		assert.ok(size <= loadOf(path).max, `${size} bytes`);
	});

	test(`${path} finds every element that its script asks for by id`, () => {
		const ids = new Set(attributes(html, "id"));
		assert.equal(ids.size, attributes(html, "id").length, "an id stands twice");
		const asked = [entry, "/js/site.js"].flatMap((file) =>
			[...read(file).matchAll(/byId\("([^"]+)"\)/g)].map(([, id]) => id));
		for (const id of asked) assert.ok(ids.has(id), id);
	});
}

for (const path of pages) {
	test(`${path} is built alike in both languages`, () => {
		const skeleton = (html) => [...html.slice(html.indexOf("<body")).matchAll(
			/<(\/?[a-z0-9]+)|\s(?:id|class|type)="([^"]*)"/g)].map(([, tag, value]) => tag ?? value);
		assert.deepEqual(skeleton(read(fileOf(path))), skeleton(read(fileOf(`/en${path}`))));
	});
}

test("masthead and footer are the same on every page", () => {
	const part = (path, tag) => new RegExp(`<${tag} class="(masthead|footer)">[^]*?</${tag}>`)
		.exec(read(fileOf(path)))[0].replaceAll(' aria-current="page"', "")
		.replace(/(id="language" href=")[^"]*/, "$1");
	for (const lang of ["", "/en"]) {
		for (const tag of ["header", "footer"]) {
			const parts = pages.filter((path) => path !== "/projector/").map((path) => part(lang + path, tag));
			assert.equal(new Set(parts).size, 1, `${lang} ${tag}`);
		}
	}
});

test("both languages have the same words with the same gaps", () => {
	const gaps = (text) => new Set([...text.matchAll(/\{(\w+)/g)].map(([, name]) => name));
	assert.deepEqual(Object.keys(en).sort(), Object.keys(ko).sort());
	for (const key of Object.keys(ko)) {
		for (const gap of gaps(en[key])) {
			assert.ok(gaps(ko[key]).has(gap) || gap === "noun", `${key}: {${gap}}`);
		}
		for (const gap of gaps(ko[key])) {
			assert.ok(gaps(en[key]).has(gap) || gap === "noun", `${key}: {${gap}}`);
		}
	}
});

test("an entry's noun is never given a plural or an article of the pages' own", () => {
	for (const [key, text] of Object.entries(en)) assert.doesNotMatch(text, /\{noun\}s|\ban? \{noun\}/, key);
	for (const path of all) {
		assert.doesNotMatch(read(fileOf(path)).replace(/<[^>]*>/g, ""), /팀|\bteams?\b/i, path);
	}
});

test("while the log stands still nobody is promised that votes are taken: a shard that lost the end of its log takes none", () => {
	for (const words of [ko, en]) {
		for (const [key, text] of Object.entries(words).filter(([one]) => /^halt\.|trouble\.log-|^problem\.unavailable|^log\.halted/.test(one))) {
			assert.doesNotMatch(text, /계속 받|still taken|are taken|잠시 쉬|resting/, key);
		}
	}
});

test("every problem has a sentence, and citizens never read the word token", () => {
	for (const slug of knownSlugs) assert.ok(Object.hasOwn(ko, `problem.${slug}`), slug);
	for (const text of [...Object.values(ko), ...Object.values(en)]) assert.doesNotMatch(text, /토큰|token/i);
	for (const path of all) {
		assert.doesNotMatch(read(fileOf(path)).replace(/<[^>]*>/g, ""), /토큰|token/i, path);
	}
});

test("every word that a script asks for exists, and every word is used", () => {
	const sources = readdirSync(new URL("js/", root)).map((file) => read(`/js/${file}`)).join("\n");
	for (const [, key] of sources.matchAll(/\bt\("([^"]+)"/g)) assert.ok(Object.hasOwn(ko, key), key);
	for (const key of Object.keys(ko)) {
		const stem = key.slice(0, key.lastIndexOf("."));
		assert.ok(sources.includes(`"${key}"`) || sources.includes(`\`${stem}.\${`), `${key} is not used`);
	}
});
