// Citizens and watchers who do not stop: each ballot and each voting right is a request that must be answered as if
// nothing happened, each stream may end only as the protocol says, and is opened anew at once. What else happens to
// them is gathered as failures.
import crypto from 'node:crypto';
import http from 'node:http';
import { TOKEN_REQUEST } from './protocol.mjs';

const CHOICES = ['upstage', 'lg-ai-research', 'naver-cloud', 'sk-telecom', 'nc-ai'];

export class Load {
	/** `ending`: the server itself goes away, so that one may come too late. */
	constructor(round, { citizens = 6, watchers = 6, ending = false } = {}) {
		this.round = round;
		this.instance = round.instance;
		this.ending = ending;
		this.failures = [];
		this.counted = 0;
		this.issued = 0;
		this.frames = 0;
		this.farewells = 0;
		this.agent = new http.Agent({ keepAlive: true, maxSockets: citizens });
		this.done = Promise.all([...Array.from({ length: citizens }, (_, i) => this.citizen(i)),
			...Array.from({ length: watchers }, () => this.watcher())]);
	}

	/** Lets everybody finish, and says how it went. */
	async stop() {
		this.stopped = true;
		for (const leave of this.leave ?? []) leave();
		await this.done;
		this.agent.destroy();
		return this.failures;
	}

	async citizen(i) {
		for (let n = i; !this.stopped && !this.gone; n++) {
			await this.attempt('a voting right', () => this.ask(), [200], () => this.issued++);
			await this.attempt('a ballot', () => this.cast(n), [201], () => this.counted++);
		}
	}

	async attempt(what, send, statuses, count) {
		try {
			const reply = await send();
			if (statuses.includes(reply.status)) count();
			else this.failures.push(`${what}: ${reply.status} ${reply.text}`);
		} catch (error) {
			this.fail(what, error);
		}
	}

	/** Who finds nobody there any more is too late, and has asked for nothing. */
	fail(what, error) {
		if (this.ending && error.syscall === 'connect') this.gone = true;
		else if (!this.stopped) this.failures.push(`${what}: ${error.code} ${error.message}`);
	}

	ask() {
		const body = Buffer.concat([Buffer.from([0, 2, this.round.keyId[31], 0]), crypto.randomBytes(255)]);
		return this.instance.request('POST', `${this.round.path}/tokens`,
			{ headers: { 'Content-Type': TOKEN_REQUEST }, body, agent: this.agent });
	}

	cast(n) {
		return this.instance.request('POST', `${this.round.path}/ballots`, { agent: this.agent,
			headers: { Authorization: this.round.authorization(this.round.mint()), 'Content-Type': 'application/json' },
			body: JSON.stringify({ choices: [CHOICES[n % CHOICES.length]] }) });
	}

	async watcher() {
		while (!this.stopped && !this.gone) {
			const end = await this.watch();
			if (this.stopped || this.gone) return;
			if (end.error) this.fail('a stream', end.error);
			else if (/\n\nretry: \d+\n\n$/.test(end.last)) this.farewells++;
			else this.failures.push(`a stream ended with ${JSON.stringify(end.last)}`);
		}
	}

	/** One stream to its end: the last of its bytes, or what cut it. */
	watch() {
		return new Promise((resolve) => {
			const req = http.get({ host: this.instance.host, port: this.instance.port, agent: false,
				path: `${this.round.path}/tally/stream` }, (res) => {
				let last = '';
				if (res.statusCode !== 200) resolve({ error: new Error(`status ${res.statusCode}`) });
				res.on('data', (bytes) => {
					last = (last + bytes).slice(-100);
					this.frames++;
				});
				res.once('end', () => resolve({ last }));
				res.once('error', (error) => resolve({ error }));
			});
			req.once('error', (error) => resolve({ error }));
			(this.leave ??= new Set()).add(() => req.destroy());
		});
	}
}
