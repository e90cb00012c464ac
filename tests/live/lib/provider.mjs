// A certified OpenID Provider (oidc-provider) on loopback, at which a test says who is there; and what a browser does of a
// login, without a browser.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import YAML from 'yaml';
import { freePort } from './admin.mjs';
import { startApart } from './apart.mjs';
import { ROOT, contestDocument, makeDirectory, startInstance } from './instance.mjs';

export const EXAMPLE = path.join(ROOT, 'config/examples/oidc.yaml');
export const CLIENT = { id: 'tallyd', secret: 'a secret of + and / and %' };

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

export async function newKey(kid, alg = 'RS256') {
	const { privateKey } = await generateKeyPair(alg, { extractable: true });
	return { ...await exportJWK(privateKey), kid, alg, use: 'sig' };
}

/** What a provider remembers: all of it, where its own memory forgets the oldest of some 1000 things. */
const memory = () => {
	const things = new Map();
	return class {
		constructor(model) {
			this.key = (id) => `${model} ${id}`;
		}

		async upsert(id, payload) {
			things.set(this.key(id), payload);
			if (payload.uid) things.set(this.key(`uid ${payload.uid}`), id);
		}

		async find(id) {
			return things.get(this.key(id));
		}

		async findByUid(uid) {
			return this.find(things.get(this.key(`uid ${uid}`)));
		}

		async consume(id) {
			things.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
		}

		async destroy(id) {
			things.delete(this.key(id));
		}

		async revokeByGrantId(grantId) {
			for (const [key, payload] of things) if (key.startsWith(this.key('')) && payload.grantId === grantId) things.delete(key);
		}
	};
};

/**
 * Starts one.
 *   redirectUri   where it sends people back to
 *   persons       what it says of each, by the name that is typed: {kim: {birthdate: '1990-01-01', ci: '…'}}
 *   port          0 for any
 * `tamper(body, keys)`, when set, changes what the token endpoint answers; `gate`, when set, is awaited before it answers.
 */
export async function startProvider({ redirectUri, persons, port = 0, keys = null }) {
	const its = { persons, tamper: null, gate: null, logins: 0, requests: [] };
	let provider;
	const server = http.createServer((req, res) => handle(req, res).catch((error) => {
		res.statusCode = 500;
		res.end(String(error.stack));
	}));
	server.listen(port, '127.0.0.1');
	await once(server, 'listening');
	its.port = server.address().port;
	its.issuer = `http://127.0.0.1:${its.port}`;
	its.keys = keys ?? [await newKey('first')];

	const configure = () => {
		provider = new Provider(its.issuer, {
			adapter: memory(),
			clients: [{ client_id: CLIENT.id, client_secret: CLIENT.secret, redirect_uris: [redirectUri],
				token_endpoint_auth_method: 'client_secret_basic', response_types: ['code'], grant_types: ['authorization_code'] }],
			pkce: { required: () => true },
			features: { devInteractions: { enabled: false } },
			interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
			claims: { openid: ['sub'], person: ['birthdate', 'ci', 'nation'], acr: null },
			scopes: ['openid', 'person'],
			acrValues: ['strong', 'weak'],
			conformIdTokenClaims: false,
			findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...its.persons[id] }) }),
			jwks: { keys: its.keys },
			cookies: { keys: ['of a test'] },
			ttl: { AccessToken: 60, AuthorizationCode: 60, IdToken: 300, Interaction: 300, Session: 300, Grant: 300 },
			async loadExistingGrant({ oidc }) {
				const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
				grant.addOIDCScope('openid person');
				await grant.save();
				return grant;
			},
		});
		provider.on('server_error', (ctx, error) => its.requests.push(`error ${error.message}`));
	};
	configure();

	async function handle(req, res) {
		its.requests.push(`${req.method} ${req.url.split('?')[0]}`);
		if (req.url.startsWith('/interaction/')) return interact(req, res);
		if (req.url.startsWith('/token')) {
			await its.gate?.(req, res);
			if (res.writableEnded || res.destroyed) return undefined;
			if (its.tamper) return tampered(req, res);
		}
		return provider.callback()(req, res);
	}

	/** The page on which somebody says who they are, or turns back. */
	async function interact(req, res) {
		const { prompt } = await provider.interactionDetails(req, res);
		if (req.method === 'GET') {
			res.setHeader('content-type', 'text/html; charset=utf-8');
			res.end(`<!DOCTYPE html><html lang="en"><title>Provider</title><h1>${escaped(prompt.name)}</h1><form method="post">
				<label>Name <input name="name"></label> <label>Strength <input name="acr" value="strong"></label>
				<button name="act" value="in">Sign in</button> <button name="act" value="out">Cancel</button></form>`);
			return;
		}
		let body = '';
		for await (const part of req) body += part;
		const form = new URLSearchParams(body);
		const isIn = form.get('act') === 'in' && its.persons[form.get('name')];
		if (isIn) its.logins++;
		await provider.interactionFinished(req, res, isIn ? { login: { accountId: form.get('name'), acr: form.get('acr') } }
			: { error: 'access_denied', error_description: 'turned back' });
	}

	/** Lets the provider answer, and changes the answer. */
	async function tampered(req, res) {
		const parts = [];
		const write = res.write.bind(res), end = res.end.bind(res);
		const keep = (part) => typeof part !== 'function' && part && parts.push(Buffer.from(part));
		res.write = (part) => Boolean(keep(part)) || true;
		res.end = (part) => {
			keep(part);
			const body = JSON.parse(Buffer.concat(parts).toString());
			Promise.resolve(its.tamper(body, its.keys)).then((changed) => {
				const text = JSON.stringify(changed ?? body);
				res.setHeader('content-length', Buffer.byteLength(text));
				write(text);
				end();
			});
			return res;
		};
		return provider.callback()(req, res);
	}

	its.rotate = async (kid) => {
		its.keys = [await newKey(kid)];
		configure();
	};
	its.stop = async () => {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	};
	return its;
}

const PERSONS = {
	kim: { ci: 'ci-of-kim', birthdate: '1990-05-01', nation: 'KR' },
	lee: { ci: 'ci-of-lee', birthdate: '2008-12-07', nation: 'KR' },
	young: { ci: 'ci-of-young', birthdate: '2008-12-08', nation: 'KR' },
	guest: { ci: 'ci-of-guest', birthdate: '1980-01-01', nation: 'JP' },
	silent: { ci: 'ci-of-silent', nation: 'KR' },
	nobody: { birthdate: '1980-01-01', nation: 'KR' },
};

const secretIn = (dir) => writeFile(path.join(dir, 'pass.secret'), `${CLIENT.secret}\n`, { mode: 0o600 });
const settingsOf = (id, { issuer }) => ({ id, issuer, client_id: CLIENT.id, client_secret_file: 'pass.secret', scopes: ['person'], claims: ['ci', 'birthdate', 'nation'] });

/** The shipped contest of people who identify themselves, with `change` to it, and a provider that knows some, and `more`:
 * { instance, provider, others }. `keys`: the provider's; `others`: further providers in the settings, whom they know by their ids. */
export async function startSigningIn({ more = {}, settings = {}, change = null, keys = null, others = {} } = {}) {
	const port = await freePort(), dir = await makeDirectory(), origin = `http://127.0.0.1:${port}`, redirectUri = `${origin}/login/callback`;
	const provider = await startProvider({ redirectUri, keys, persons: { ...structuredClone(PERSONS), ...more } });
	const further = Object.fromEntries(await Promise.all(Object.entries(others).map(async ([id, persons]) => [id, await startProvider({ redirectUri, persons })])));
	await secretIn(dir);
	const contest = change ? path.join(dir, 'citizens.yaml') : EXAMPLE;
	if (change) await writeFile(contest, YAML.stringify(await contestDocument(EXAMPLE, change)));
	const instance = await startInstance({ dir, contests: [contest], settings: { listen: `127.0.0.1:${port}`, public_url: origin, provider_deadline: '30s', ...settings,
		providers: Object.entries({ pass: provider, ...further }).map(([id, one]) => settingsOf(id, one)) } });
	return { instance, provider, others: further };
}

/** The same contest with issuer and ballots apart, the pages beside the ballots: { issuer, ballots, provider, stop() }. To a browser
 * 127.0.0.2, where the issuer is, is another site. */
export async function startSigningInApart({ more = {} } = {}) {
	const ports = [await freePort(), await freePort()], dir = await makeDirectory();
	const pages = `http://127.0.0.1:${ports[0]}`, issuerOrigin = `http://127.0.0.2:${ports[1]}`;
	const provider = await startProvider({ redirectUri: `${issuerOrigin}/login/callback`, persons: { ...structuredClone(PERSONS), ...more } });
	await secretIn(dir);
	const apart = await startApart({ contests: [EXAMPLE], pages, counting: { settings: { listen: `127.0.0.1:${ports[0]}` } },
		issuing: { dir, settings: { listen: `127.0.0.2:${ports[1]}`, issuer_origin: issuerOrigin, provider_deadline: '30s', providers: [settingsOf('pass', provider)] } } });
	return { ...apart, provider, stop: () => apart.stop().finally(() => provider.stop()) };
}

/** A cookie jar and fetch() that follows nothing by itself: as much of a browser as a login needs. */
export class Visitor {
	cookies = new Map(); // by origin and name

	async go(url, options = {}) {
		const { origin, pathname } = new URL(url);
		const jar = [...this.cookies].filter(([, one]) => one.origin === origin && pathname.startsWith(one.path));
		const reply = await fetch(url, { redirect: 'manual', ...options,
			headers: { ...options.headers, cookie: jar.map(([, { name, value }]) => `${name}=${value}`).join('; ') } });
		for (const line of reply.headers.getSetCookie()) this.keep(origin, line);
		const location = reply.headers.get('location');
		return { status: reply.status, headers: reply.headers, text: await reply.text(), location: location && new URL(location, url).href };
	}

	keep(origin, line) {
		const [pair, ...attributes] = line.split(/; */);
		const [name, ...rest] = pair.split('=');
		const of = (wanted) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.split('=')[1];
		const gone = of('max-age') === '0' || (of('expires') && Date.parse(of('expires')) <= Date.now());
		if (gone) this.cookies.delete(`${origin} ${name}`);
		else this.cookies.set(`${origin} ${name}`, { origin, name, value: rest.join('='), path: of('path') ?? '/' });
	}

	/** From /login to the provider, signed in there, up to the address of the callback, which is not opened. */
	async signIn(url, name, { acr = 'strong', act = 'in' } = {}) {
		let { location } = await this.go(url);
		const host = new URL(url).host;
		while (location && !location.includes('/interaction/') && new URL(location).host !== host) ({ location } = await this.go(location));
		if (!location?.includes('/interaction/')) return location;
		const form = new URLSearchParams({ name, acr, act });
		({ location } = await this.go(location, { method: 'POST', body: form, headers: { 'content-type': 'application/x-www-form-urlencoded' } }));
		while (new URL(location).host !== host) ({ location } = await this.go(location));
		return location;
	}

	/** The whole: {admission} or {login: why}, and the page. */
	async login(url, name, options) {
		return ended(await this.go(await this.signIn(url, name, options)));
	}
}

/** What a callback's answer ends with. */
export function ended({ status, location, text }) {
	if (status !== 303) return { status, text };
	const { pathname, search, hash } = new URL(location);
	return { page: pathname + search, ...Object.fromEntries(new URLSearchParams(hash.slice(1))) };
}
