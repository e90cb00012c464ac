/* What is offered to be copied into a shell: an address that the server tells, this page's own, and the key. */
import "./setup.mjs";

import assert from "node:assert/strict";
import { test } from "node:test";

import { commandHere, placesOf, soundKey } from "../../../static/js/check-yourself.js";
import { safePlaces } from "../../../static/js/dom.js";

const KEY = `vote.test/kai~rehearsal/result+0a1b2c3d+${Buffer.alloc(33, 250).toString("base64")}`;
const bad = ["https://count.example/;curl$IFS$9evil.example|sh", "https://count.example/ $(id)", "https://count.example/x\ny", "https://count.example/x\n",
	"https://count.example/`id`", "https://count.example/'x'", "https://count.example/\"", "https://count.example/a&b", "https://count.example/>x", "https://count.example/(a)",
	"https://count.example/*", "https://count.example/\\x", "https://count.example/?a=b", "https://count.example/#a", "https://count.example;id/", "https://$(id).example/",
	"https://u@count.example/", "https://COUNT.example/", "https://-x.example/", "https://.example/", "https:///x", "https://", "http://count.example/", "HTTPS://count.example/",
	"javascript:alert(1)", " https://count.example/", "https://count.example:99999/", "https://count.example:x/", "https://count.example:/", "https://count.example/\u2028",
	`https://${"a".repeat(81)}/`, `https://count.example/${"a".repeat(300)}`, "", null, 7, {}, ["https://count.example/"]];
const good = ["https://count.example/", "https://count.example", "https://b.example:8443/kai", "https://b.example/a-b_c.d~e/%20/"];

test("of the addresses of a bundle only those are taken that are nothing but an address", () => {
	for (const place of bad) assert.deepEqual(safePlaces([place]), [], JSON.stringify(place));
	assert.deepEqual(safePlaces([...bad, ...good]), good);
	for (const list of [undefined, null, "https://count.example/", { length: 1 }]) assert.deepEqual(safePlaces(list), []);
	globalThis.location = { origin: "https://b.example:8443" };
	assert.deepEqual(placesOf({ contest: { published_at: [...bad, ...good] } }), good.filter((place) => !place.includes("8443")));
	assert.deepEqual(placesOf({ contest: null }), []);
	delete globalThis.location;
});

test("no command from a key or an address that a shell would read as more", () => {
	assert.equal(soundKey(KEY), KEY);
	for (const key of [`${KEY}'`, KEY.replace("vote.test", "vote.test';id;'"), KEY.replace("kai", "k ai"), KEY.replace("kai", "k$ai"), `${KEY}\n`, `-${KEY}`, ""]) {
		assert.throws(() => soundKey(key), JSON.stringify(key));
	}
	for (const origin of ["https://count.example", "http://127.0.0.1:8080", "http://[::1]:8080"]) {
		assert.equal(commandHere(KEY, origin), `tallyctl verify --key '${KEY}' ${origin}/`);
	}
	for (const origin of ["https://$(id).example", "https://a;b.example", "https://a`b`.example", "https://a'b.example", "null", "file://"]) {
		assert.equal(commandHere(KEY, origin), null, origin);
	}
});
