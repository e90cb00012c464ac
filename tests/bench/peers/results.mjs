// Writes the benchmark's figures as a page, with what was to be reached. Knows only the figures.

const HEAD = `# tallyd beside its peers

Written by \`make bench-peers\` (\`RUNS\`, \`VOTES\`, \`READERS\`, \`SECONDS_EACH\`; [\`peers.mjs\`](peers.mjs)). Everything is measured in one run on one machine, contenders in turns,
each with a server, a Redis and a directory of its own, on loopback; nobody writes an access log. CPU is user and system time of all the server's processes from \`/proc/PID/stat\`; figures are medians [least to most], and ratios
of casting medians of each round's.

**Casting.** The same program ([\`relay.c\`](relay.c)) casts the same ballots with fresh tokens over 64 connections, one request in flight on each. All go through the function \`cast_5\` of
the same library, in a Redis with [\`ops/redis.conf\`](../../ops/redis.conf) (\`appendfsync always\`).
tallyd (one worker) verifies each token, parses, packs and authenticates the ballot, and answers with a receipt. Peers are given the ready call, binary arguments and all, and verify nothing: webdis
in the body of a POST (URL-encoded, one thread), fastify with ioredis in JSON. Redis itself is asked by the program, one call at a time on each connection, or 16. tallyd and ioredis reach Redis by its unix socket, webdis and the program by
TCP, since webdis here has nothing else.

**Streaming.** The same program ([\`fanout.c\`](fanout.c)) reads all streams and takes the time from a frame's making to its last byte at a reader. tallyd (one worker) makes frames from
the votes that it takes, at most four a second; to nchan (one worker) and to fastify's process the program posts a frame of the same size four times a second. *send() alone* is what the kernel takes to give the same frames to as many sockets ([\`floor.h\`](floor.h)): no server
goes below it, so a ratio of what lies above it is stated, too. *Last reader* is the p99 over frames of what the
last of all readers waits. The program shares the processors with the server, which is in all the times.

**Voting meanwhile.** 10,000 readers are sent two frames a second, and 50 votes a second go through the same server from another program: for nchan through the same nginx worker to webdis, for Node
through the same process. Votes begin once all streams are open, and the time is from when a vote was due.
`;

const LEFT = `### Where it goes

Of a worker's samples while votes came in (\`perf record\`, one run of 60,000 votes, 2026-11-23), 55 % were in libcrypto, of which a verification takes nearly all, 26 % in the kernel, 9 % in
tallyd, 7 % in libc, 2 % in jansson; it makes one \`recv()\` and one \`send()\` a vote. So half of what a vote takes above the verification is receiving, sending and waking: the one thing that webdis does as well.
Of a delivery \`send()\` alone is most, for whoever sends: where it is more than 0.6 of nchan's time, that ratio cannot be reached with one \`send()\` a reader and frame. Nor does another congestion control (reno for bbr) change it.
What a vote waits while readers are served is, of two processors that the worker, Redis, the readers and the voter share, mostly for one of these: the worker sends to 16 readers, then looks for votes.
`;

const cell = (figure, digits = 1) => (figure ? `${figure.median.toFixed(digits)} [${figure.least.toFixed(digits)} to ${figure.most.toFixed(digits)}]` : '');

const table = (head, rows) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

/* ---- tables ---- */

const runsOf = (figures) => Object.values(figures)[0]?.runs ?? 0;

const CAST = { 'server, CPU µs a vote': "server's CPU a vote", 'Redis, CPU µs a vote': "Redis' CPU a vote", 'votes a second': 'accepted a second', 'p50 ms': 'latency p50', 'p99 ms': 'latency p99' };

const castingTable = (casting) => table(['', 'runs', ...Object.keys(CAST)], Object.entries(casting).filter(([name]) => name !== 'RSA-2048 verify')
	.map(([name, figures]) => [name, runsOf(figures), ...Object.values(CAST).map((label) => cell(figures[label]))]));

const STREAM = { 'frames a second': ['frames a second', 2], 'CPU µs a delivery': ["workers' CPU", 2], 'bytes a reader': ["workers' RSS", 0], 'p99 ms': ['delivery p99', 0],
	'send() alone, CPU µs': ['send() alone', 2], 'last reader ms': ['last reader p99', 0] };

const streamingTable = (streaming) => table(['readers', '', 'runs', ...Object.keys(STREAM)], Object.entries(streaming).flatMap(([readers, of]) =>
	Object.entries(of).map(([name, figures]) => [readers, name, runsOf(figures), ...Object.values(STREAM).map(([label, digits]) => cell(figures[label], digits))])));

const VOTE = { 'frames a second': ['frames a second', 2], 'vote p50 ms': ['latency p50', 1], 'vote p99 ms': ['latency p99', 1] };

const votingTable = (voting) => table(['', 'runs', ...Object.keys(VOTE)], Object.entries(voting).map(([name, figures]) =>
	[name, runsOf(figures), ...Object.values(VOTE).map(([label, digits]) => cell(figures[label], digits))]));

/* ---- what was to be reached ---- */

const aim = (what, is, most) => [what, is.toFixed(2), `${most < 0 ? 'at least' : 'at most'} ${Math.abs(most)}`, (most < 0 ? is >= -most : is <= most) ? 'reached' : '**missed**'];

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

/** The median over rounds, each with figures of its own: a machine that is slower for a while is so for both sides of a ratio. */
function ofRounds(casting, ratio) {
	const rounds = Math.min(...Object.values(casting).map(runsOf));
	return median(Array.from({ length: rounds }, (_, i) => ratio({
		cpu: (name) => casting[name]["server's CPU a vote"].values[i],
		redis: (name) => casting[name]["Redis' CPU a vote"].values[i],
		floor: casting['RSA-2048 verify'].us.values[i],
	})));
}

function castingAims(casting) {
	return [
		aim("CPU a vote less the RSA floor, to webdis' a call", ofRounds(casting, ({ cpu, floor }) => (cpu('tallyd') - floor) / cpu('webdis')), 0.6),
		aim("Redis' CPU a vote, to the same function one ballot a call", ofRounds(casting, ({ redis }) => redis('tallyd') / redis('redis')), 0.5),
		aim("votes a CPU second, server and Redis, less the RSA floor, to webdis'", ofRounds(casting, ({ cpu, redis, floor }) =>
			(cpu('webdis') + redis('webdis')) / (cpu('tallyd') - floor + redis('tallyd'))), -2),
	];
}

function streamingAims(streaming) {
	const aims = [];
	const at = (readers, name, label) => streaming[readers][name][label]?.median ?? NaN;
	const above = (readers, name) => at(readers, name, "workers' CPU") - Math.min(...Object.keys(streaming[readers]).map((any) => at(readers, any, 'send() alone')));
	const over = (readers) => [`- the same above send() alone (${above(readers, 'tallyd').toFixed(1)} and ${above(readers, 'nchan').toFixed(1)} µs)`,
		(above(readers, 'tallyd') / above(readers, 'nchan')).toFixed(2), '', ''];
	for (const readers of Object.keys(streaming)) {
		const ratio = (label) => at(readers, 'tallyd', label) / at(readers, 'nchan', label);
		aims.push(aim(`${readers} readers: CPU a delivery, to nchan's`, ratio("workers' CPU"), 0.6),
			over(readers),
			aim(`${readers} readers: memory a reader, to nchan's`, ratio("workers' RSS"), 0.08),
			aim(`${readers} readers: p99 of a frame, to nchan's`, ratio('delivery p99'), 1));
	}
	const all = Object.keys(streaming).map((readers) => at(readers, 'tallyd', "workers' CPU"));
	if (all.length > 1)
		aims.push(aim('CPU a delivery, dearest to cheapest number of readers', Math.max(...all) / Math.min(...all), 1.25));
	return aims;
}

const votingAims = (voting) => [aim('p99 of a vote while 10,000 readers are served, ms', voting.tallyd['latency p99'].median, 5)];

export function writeResults({ date, votes, seconds, machine, casting, streaming, voting }) {
	const aims = [...casting ? castingAims(casting) : [], ...streaming ? streamingAims(streaming) : [], ...voting ? votingAims(voting) : []];
	return [HEAD,
		`## ${date} UTC\n\n${votes} votes or ${seconds} s each.\n`,
		table(['machine', ''], Object.entries(machine)), '',
		...casting ? ['### Casting\n', castingTable(casting), '', `RSA-2048 verification by \`openssl speed\` in the same run, on all processors at once, as busy as they are meanwhile: ${cell(casting['RSA-2048 verify'].us)} µs.\n`] : [],
		...streaming ? ['### Streaming\n', streamingTable(streaming), ''] : [],
		...voting ? ['### Voting meanwhile\n', votingTable(voting), ''] : [],
		'### Aims\n', table(['', 'is', 'was to be', ''], aims), '', LEFT].join('\n');
}
