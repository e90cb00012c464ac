/* Score sheets in the page: sums and gaps, two versions side by side, saving with lost answers and other windows, what
 * is kept meanwhile, and the token of an invitation. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { Problem, Unreachable, createApi } from "../../../static/js/api.js";
import { draftsFor } from "../../../static/js/sheet-drafts.js";
import { Keeper } from "../../../static/js/sheet-keeper.js";
import { differences, draftOf, entryTotal, exclusion, merged, missing, progress, readScore, sheetBody,
	stepped } from "../../../static/js/sheet-model.js";
import { enterNamed, readInvitation, refusalOf } from "../../../static/js/named.js";

const criteria = [{ id: "skill", min: 0, max: 40, step: 1, weight: 1 }, { id: "plan", min: 1, max: 9, step: 2, weight: 3 }];
const frame = { criteria, entries: ["a", "b", "c", "d"].map((id) => ({ id })), conflicts: { c: "kaist" },
	rulings: { d: { kind: "challenge", why: "w" } }, commentsRequired: true };
const draft = (given = {}) => ({ scores: {}, recused: {}, comments: {}, ...given });

for (const [text, expected] of [["", { empty: true }], [" ", { empty: true }], ["3", { value: 3 }], ["09", { value: 9 }],
	["７", { value: 7 }], ["2", { error: "step" }], ["0", { error: "range" }], ["10", { error: "range" }], ["11", { error: "range" }],
	["1.5", { error: "number" }], ["x", { error: "number" }], ["1e1", { error: "number" }], ["+5", { value: 5 }],
	["-", { error: "number" }], ["9999999999", { error: "number" }]]) {
	test(`a score typed as ${JSON.stringify(text)}`, () => assert.deepEqual(readScore(criteria[1], text), expected));
}

test("a step begins at the lowest score and ends at the bounds", () => {
	assert.equal(stepped(criteria[1], undefined, 1), 1);
	assert.equal(stepped(criteria[1], undefined, -1), 1);
	assert.equal(stepped(criteria[1], 1, 1), 3);
	assert.equal(stepped(criteria[1], 9, 1), 9);
	assert.equal(stepped(criteria[1], 1, -1), 1);
	assert.equal(stepped(criteria[0], 38, 5), 40);
});

test("totals weigh, and count what is missing with a required comment", () => {
	const one = draft({ scores: { a: { skill: 30, plan: 5 } } });
	assert.deepEqual(entryTotal(frame, one, "a"), { points: 45, max: 67, missing: 1 });
	assert.deepEqual(entryTotal(frame, one, "b"), { points: 0, max: 67, missing: 3 });
	assert.equal(entryTotal(frame, one, "c").missing, 0);
	assert.deepEqual(missing(frame, one), [{ entry: "a", criterion: null }, { entry: "b", criterion: "skill" },
		{ entry: "b", criterion: "plan" }, { entry: "b", criterion: null }]);
	assert.deepEqual(progress(frame, one), { given: 2, wanted: 4 });
	assert.equal(missing({ ...frame, commentsRequired: false }, one).length, 2);
	const recused = draft({ ...one, recused: { b: "친족" }, comments: { a: " \n" } });
	assert.deepEqual(missing(frame, recused), [{ entry: "a", criterion: null }], "blanks are no comment");
	assert.deepEqual(progress(frame, recused), { given: 2, wanted: 2 });
});

test("rules exclude before the expert does", () => {
	const one = draft({ recused: { b: "r", c: "r" } });
	assert.deepEqual(["a", "b", "c", "d"].map((id) => exclusion(frame, one, id)), [null, "recused", "conflict", "ruling"]);
});

test("what is sent has nothing of the excluded, no scores beside a recusal, and one order", () => {
	const full = draft({ scores: { d: { skill: 1 }, c: { skill: 1 }, b: { plan: 3, skill: 2 }, a: {} },
		recused: { c: "x" }, comments: { d: "no", b: "good", a: " " } });
	assert.equal(JSON.stringify(sheetBody(frame, full, "draft")),
		'{"scores":{"b":{"skill":2,"plan":3}},"recused":{},"comments":{"b":"good"},"state":"draft"}');
	assert.deepEqual(sheetBody(frame, { ...full, recused: { b: "r" } }, "submitted"),
		{ scores: {}, recused: { b: "r" }, comments: { b: "good" }, state: "submitted" });
});

test("differences are cell by cell, and each can be taken by itself", () => {
	const mine = draft({ scores: { a: { skill: 1, plan: 3 }, b: { skill: 2 } }, comments: { a: "one" } });
	const theirs = draft({ scores: { a: { skill: 1, plan: 5 } }, recused: { b: "r" }, comments: { b: "two" } });
	const list = differences(frame, mine, theirs);
	assert.deepEqual(list.map(({ entry, kind, criterion }) => [entry, kind, criterion]),
		[["a", "score", "plan"], ["a", "comment", undefined], ["b", "entry", undefined], ["b", "comment", undefined]]);
	const same = (one) => sheetBody(frame, one, "draft");
	assert.deepEqual(same(merged(mine, list, () => false)), same(mine));
	assert.deepEqual(same(merged(mine, list, () => true)), same(theirs));
	const mixed = merged(mine, list, (i) => i === 0);
	assert.equal(mixed.scores.a.plan, 5);
	assert.equal(mixed.comments.a, "one");
	assert.equal(mixed.recused.b, undefined);
	assert.deepEqual(same(merged(theirs, differences(frame, theirs, mine), () => true)), same(mine), "also the other way");
	assert.deepEqual(differences(frame, mine, draftOf(mine)), []);
	assert.equal(mine.scores.a.plan, 3, "nothing was changed in place");
});

/* ---- saving ---- */

/* A server of one sheet, hours by hand, and answers that can be lost. */
function desk({ lost = [] } = {}) {
	const timers = [];
	const server = { revision: 0, body: sheetBody(frame, draft(), "draft"), puts: [], answer: null };
	const states = [];
	const memory = new Map();
	const storage = new Proxy({ getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => memory.set(key, value),
		removeItem: (key) => memory.delete(key) }, { ownKeys: () => [...memory.keys()],
		getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) });
	const drafts = draftsFor({ storage, owner: "c.e", window: "w1" });
	const keeper = new Keeper({ drafts, server: { revision: 0, ...server.body },
		body: (one, state) => sheetBody(frame, one, state),
		timers: { set: (act, ms) => timers.push({ act, ms }), clear: (id) => {
			if (id) timers[id - 1] = null;
		}, now: () => 0 },
		onState: ({ state }) => states.push(state.name),
		send: async (body, revision) => {
			server.puts.push({ body, revision });
			const fate = lost.shift();
			if (fate === "before") throw new Unreachable("lost");
			if (fate instanceof Problem) throw fate;
			if (server.hold) await server.hold;
			if (revision !== server.revision) throw new Problem(412, { type: "/problems#stale-sheet",
				revision: server.revision, sheet: server.body });
			server.revision++;
			server.body = structuredClone(body);
			if (fate === "after") throw new Unreachable("lost");
			return { revision: server.revision, ...body };
		} });
	const settle = async () => {
		for (let i = 0; i < 20; i++) await Promise.resolve();
	};
	const fire = async () => {
		const due = timers.findIndex(Boolean);
		assert.ok(due >= 0, "a timer runs");
		const { act, ms } = timers[due];
		timers[due] = null;
		act();
		await settle();
		return ms;
	};
	const idle = () => timers.every((one) => one === null);
	return { keeper, server, states, fire, settle, idle, memory, storage, drafts };
}
const scored = (skill) => draft({ scores: { a: { skill } } });

test("a burst of changes is one request, a second later, with the newest", async () => {
	const { keeper, server, fire, idle, memory } = desk();
	keeper.change(scored(1));
	keeper.change(scored(2));
	assert.equal(memory.size, 1, "kept meanwhile");
	assert.equal(await fire(), 1000);
	assert.deepEqual(server.puts.map(({ body, revision }) => [body.scores.a.skill, revision]), [[2, 0]]);
	assert.equal(keeper.state.name, "saved");
	assert.ok(keeper.settled && idle());
	assert.equal(memory.size, 0, "nothing is kept of what was saved");
});

test("one request in flight: what comes meanwhile follows with the new revision", async () => {
	const { keeper, server, fire, settle } = desk();
	let release;
	server.hold = new Promise((resolve) => {
		release = resolve;
	});
	keeper.change(scored(1));
	await fire();
	keeper.change(scored(2));
	keeper.change(scored(3));
	keeper.hurry();
	assert.equal(server.puts.length, 1);
	server.hold = null;
	release();
	await settle();
	await fire();
	assert.deepEqual(server.puts.map(({ body, revision }) => [body.scores.a.skill, revision]), [[1, 0], [3, 1]]);
	assert.ok(keeper.settled);
});

test("a lost answer is no conflict with oneself, even when more was typed", async () => {
	const { keeper, server, states, fire } = desk({ lost: ["after"] });
	keeper.change(scored(1));
	await fire();
	assert.equal(keeper.state.name, "unsent");
	assert.equal(server.revision, 1);
	keeper.change(scored(2));
	await fire();
	await fire();
	assert.ok(!states.includes("conflict"));
	assert.equal(server.body.scores.a.skill, 2);
	assert.equal(server.revision, 2);
	assert.ok(keeper.settled);
});

test("a lost answer, and the expert went back to what was saved before: that wins", async () => {
	const { keeper, server, fire } = desk({ lost: ["after"] });
	keeper.change(scored(1));
	await fire();
	keeper.change(draft());
	await fire();
	await fire();
	assert.deepEqual(server.body.scores, {});
	assert.ok(keeper.settled);
});

test("no network: waits longer each time, keeps the draft, and hurries when told", async () => {
	const { keeper, server, fire, settle, memory } = desk({ lost: ["before", "before", "before"] });
	keeper.change(scored(1));
	await fire();
	const first = await fire();
	assert.equal(keeper.state.why, "offline");
	const second = await fire();
	assert.ok(first >= 750 && first <= 1250 && second >= 1500 && second <= 2500, `${first}, ${second}`);
	assert.equal(memory.size, 1);
	keeper.hurry();
	await settle();
	assert.equal(server.body.scores.a.skill, 1);
	assert.equal(memory.size, 0);
});

test("a busy server is asked again when it said", async () => {
	const { keeper, fire } = desk({ lost: [new Problem(503, { type: "/problems#unavailable" }, 7)] });
	keeper.change(scored(1));
	await fire();
	assert.deepEqual([keeper.state.name, keeper.state.why], ["unsent", "busy"]);
	keeper.change(scored(2)); // typing on does not hurry it
	assert.equal(await fire(), 7000);
	assert.ok(keeper.settled);
});

test("another window's revision is never overwritten; the choice is saved upon it", async () => {
	const { keeper, server, fire, memory, idle } = desk();
	keeper.change(scored(1));
	server.revision = 4;
	server.body = sheetBody(frame, scored(9), "submitted");
	await fire();
	assert.equal(keeper.state.name, "conflict");
	assert.equal(server.body.scores.a.skill, 9);
	keeper.change(scored(2));
	assert.ok(idle(), "nothing is sent until the choice");
	assert.equal(memory.size, 1);
	keeper.settle(keeper.state.theirs, scored(2));
	await fire();
	assert.deepEqual(server.puts.at(-1), { revision: 4, body: sheetBody(frame, scored(2), "draft") });
	assert.equal(memory.size, 0);

	server.revision = 7;
	server.body = sheetBody(frame, scored(5), "submitted");
	keeper.change(scored(3));
	await fire();
	const puts = server.puts.length;
	keeper.settle(keeper.state.theirs, null);
	assert.ok(idle() && keeper.settled);
	assert.equal(server.puts.length, puts, "theirs needs no request");
	assert.equal(keeper.sheetState, "submitted");
	assert.equal(keeper.revision, 7);
});

test("submitting: refused leaves a draft, taken is submitted, withdrawn is a draft again", async () => {
	const { keeper, server, fire } = desk({ lost: [new Problem(422, { type: "/problems#invalid-sheet" })] });
	keeper.turn(scored(1), "submitted");
	await fire();
	assert.deepEqual([keeper.state.name, keeper.state.why, keeper.wantedState], ["stopped", "invalid-sheet", "draft"]);
	keeper.turn(scored(1), "submitted");
	await fire();
	assert.deepEqual([keeper.state.name, keeper.sheetState, server.body.state], ["saved", "submitted", "submitted"]);
	keeper.turn(scored(1), "draft");
	await fire();
	assert.equal(server.body.state, "draft");
});

test("closed: nothing more is sent, the draft is kept; paused: it goes out when it resumes", async () => {
	for (const slug of ["closed", "paused"]) {
		const { keeper, server, fire, idle, memory } = desk({ lost: [new Problem(403, { type: `/problems#${slug}` })] });
		keeper.change(scored(1));
		await fire();
		keeper.change(scored(2));
		assert.ok(idle(), slug);
		assert.equal(memory.size, 1);
		keeper.resume();
		await fire();
		assert.equal(server.body.scores.a.skill, 2);
	}
});

test("after its end a keeper neither sends nor tells", async () => {
	const { keeper, server, states, settle } = desk();
	keeper.change(scored(1));
	const told = states.length;
	keeper.end();
	keeper.hurry();
	await settle();
	assert.equal(server.puts.length, 0);
	assert.equal(states.length, told);
});

/* ---- what is kept ---- */

test("drafts: other windows' are found unless those live, and a shared device keeps nothing", async () => {
	const { storage, memory } = desk();
	const held = new Set();
	const locks = { request: async (name) => {
		held.add(name);
	}, query: async () => ({ held: [...held].map((name) => ({ name })) }) };
	const make = (window, owner = "c.e") => draftsFor({ storage, owner, window, locks });
	const gone = make("w1"), alive = make("w2"), other = make("w3", "c.f");
	gone.keep(3, { n: 1 });
	alive.keep(3, { n: 2 });
	other.keep(3, { n: 3 });
	held.delete("tallyd.sheet.c.e.w1");
	const here = make("w4");
	assert.deepEqual((await here.others()).map(({ revision, draft }) => [revision, draft.n]), [[3, 1]]);
	here.keep(4, { n: 4 });
	here.keep(5, { n: 4 });
	assert.equal([...memory.keys()].filter((key) => key.endsWith("w4")).length, 1, "one revision a window");
	here.share(true);
	assert.deepEqual([...memory.keys()], ["tallyd.sheet.c.f.3.w3"]);
	here.keep(6, { n: 5 });
	assert.equal(here.kept, false);
	assert.equal(memory.size, 1);
	const blocked = draftsFor({ storage: null, owner: "c.e", window: "w5" });
	blocked.keep(1, {});
	assert.equal(blocked.kept, false);
	assert.deepEqual(await blocked.others(), []);
});

/* ---- the invitation ---- */

const TOKEN = `e30.${btoa(JSON.stringify({ exp: 1000 }))}.c2ln`.replaceAll("=", "");

function browserAt(href, stored = {}) {
	const session = { ...stored };
	const url = new URL(href, "https://vote.example");
	const listeners = {};
	const browser = { replaced: [], location: { hash: url.hash, search: url.search, pathname: url.pathname, reload: () => {
		browser.reloaded = true;
	}, replace: (to) => {
		browser.wentTo = to;
	} }, session, history: { replaceState: (...args) => browser.replaced.push(args[2]) },
	sessionStorage: { getItem: (key) => session[key] ?? null, setItem: (key, value) => {
		session[key] = value;
	}, removeItem: (key) => delete session[key] },
	addEventListener: (type, act) => {
		listeners[type] = act;
	}, listeners };
	return browser;
}

test("an invitation leaves the address at once and stays in this tab until signing out", () => {
	const browser = browserAt(`/en/expert/?contest=x#token=${TOKEN}`);
	const named = enterNamed("expert", browser);
	assert.deepEqual(browser.replaced, ["/en/expert/?contest=x"]);
	assert.equal(named.authorization, `Bearer ${TOKEN}`);
	assert.equal(named.expiresAt, 1_000_000);
	assert.equal(enterNamed("expert", browserAt("/expert/?contest=x", browser.session)).token, TOKEN);
	assert.equal(enterNamed("expert", browserAt("/expert/", browser.session)).token, null, "another contest");
	assert.equal(enterNamed("organiser", browserAt("/organiser/?contest=x", browser.session)).token, null);
	named.signOut();
	assert.deepEqual([named.token, browser.session, named.signedOut], [null, {}, true]);
});

test("another invitation takes the first one's place; a broken one opens nothing", () => {
	const browser = browserAt(`/expert/#token=${TOKEN}`);
	const named = enterNamed("expert", browser);
	browser.location.hash = "#token=a.b.c";
	browser.listeners.hashchange();
	assert.equal(browser.session["tallyd.expert."], "a.b.c");
	assert.ok(browser.reloaded);
	for (const bad of ["", "a.b", "a.b.c d", "a.b.c%0d%0aX:y", `a.${"b".repeat(5000)}.c`]) {
		const one = enterNamed("expert", browserAt(`/expert/#token=${bad}`, { "tallyd.expert.": TOKEN }));
		assert.deepEqual([one.token, one.broken], [null, true], bad);
	}
	assert.equal(named.kept, true);
});

test("what was taken out of the address before the page began, or pasted, is an invitation like any other", () => {
	const taken = browserAt("/expert/?contest=x", { "tallyd.entry": `token=${TOKEN}` });
	assert.equal(enterNamed("expert", taken).token, TOKEN);
	assert.deepEqual([taken.session, taken.replaced], [{ "tallyd.expert.x": TOKEN }, []]);

	assert.deepEqual(readInvitation(`https://vote.example/en/expert/?contest=y#token=${TOKEN}`), { token: TOKEN, contest: "y" });
	assert.deepEqual(readInvitation(` https://vote.example/expert/#to\r\nken=${TOKEN.slice(0, 5)}\n ${TOKEN.slice(5)}\n`),
		{ token: TOKEN, contest: null });
	assert.deepEqual(readInvitation(TOKEN), { token: TOKEN, contest: null });
	for (const bad of ["", "https://vote.example/expert/", `https://vote.example/?token=${TOKEN}`, "a.b", `#${TOKEN}`, "#token="]) {
		assert.equal(readInvitation(bad), null, bad);
	}

	const pasting = browserAt("/expert/?contest=x");
	const named = enterNamed("expert", pasting);
	assert.equal(named.paste("nothing"), false);
	assert.deepEqual([pasting.session, pasting.wentTo], [{}, undefined]);
	assert.equal(named.paste(`/expert/?contest=y#token=${TOKEN}`), true);
	assert.equal(pasting.wentTo, "/expert/?contest=y");
	const arrived = browserAt(pasting.wentTo, pasting.session);
	assert.equal(enterNamed("expert", arrived).token, TOKEN);
	assert.deepEqual(arrived.session, { "tallyd.expert.y": TOKEN });
});

test("where storage is blocked, a pasted invitation opens the page as it stands", () => {
	const browser = browserAt("/expert/");
	browser.sessionStorage = null;
	const named = enterNamed("expert", browser);
	let began = 0;
	named.again = () => began++;
	assert.equal(named.paste(TOKEN), true);
	assert.deepEqual([named.token, named.kept, began, browser.wentTo], [TOKEN, false, 1, undefined]);
});

test("why someone is turned away", () => {
	const clock = { now: () => 2_000_000 };
	const refused = (status, slug, detail = "") => new Problem(status, { type: `/problems#${slug}`, detail });
	const named = { expiresAt: 3_000_000 };
	assert.equal(refusalOf(refused(401, "invalid-bearer", "It was revoked."), named, clock), "revoked");
	assert.equal(refusalOf(refused(401, "invalid-bearer", "It has expired."), named, clock), "expired");
	assert.equal(refusalOf(refused(401, "invalid-bearer"), { expiresAt: 1_000_000 }, clock), "expired");
	assert.equal(refusalOf(refused(401, "invalid-bearer"), named, clock), "refused");
	assert.equal(refusalOf(refused(403, "forbidden"), named, clock), "role");
	assert.equal(refusalOf(refused(403, "closed"), named, clock), null);
	assert.equal(refusalOf(new Unreachable("x"), named, clock), null);
});

test("the calls carry the token in Authorization alone, and the revision in If-Match", async () => {
	const calls = [];
	const api = createApi({ api: "https://api.example" }, async (url, options) => {
		calls.push({ url, ...options });
		return new Response("{}");
	});
	await api.sheet("k", "Bearer t");
	await api.me("k", "Bearer t");
	await api.pledge("k", "Bearer t");
	await api.saveSheet("k", "Bearer t", { state: "draft" }, 7, { keepalive: true });
	assert.deepEqual(calls.map(({ method = "GET", url }) => `${method} ${new URL(url).pathname}`),
		["GET sheet", "GET me", "POST pledge", "PUT sheet"].map((one) => one.replace(" ", " /v1/contests/k/")));
	for (const { headers, url, body = "", credentials } of calls) {
		assert.equal(headers.Authorization, "Bearer t");
		assert.equal(credentials, "omit");
		assert.doesNotMatch(url + body, /Bearer|token/);
	}
	assert.equal(calls[3].headers["If-Match"], '"7"');
	assert.equal(calls[3].keepalive, true);
});
