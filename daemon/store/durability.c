/* The rules by which a Redis is judged. Each setting has a row, or a function where it hangs
 * together with others. */
#include "store/durability.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis_info.h"

struct judging {
	struct slice info;
	const struct durability_setting *settings;
	size_t n;
	const struct durability_wants *wants;
	struct durability *ret;
};

/* ---- reading ---- */

/* What stands behind "name:" at the beginning of a line of INFO; a NULL pointer: nothing. */
static struct slice info_of(const struct judging *j, const char *name)
{
	return redis_info(j->info, name);
}

static struct slice setting_of(const struct judging *j, const char *name)
{
	for (size_t i = 0; i < j->n; i++)
		if (slice_is(j->settings[i].name, name))
			return j->settings[i].value;
	return slice_make(NULL, 0);
}

static bool differs(struct slice value, const char *wanted)
{
	return value.ptr && !slice_is(value, wanted);
}

/* ---- finding ---- */

static struct durability_finding *find(struct judging *j, enum durability_grade grade,
    const char *setting, struct slice value, const char *may)
{
	struct durability_finding *finding = &j->ret->findings[j->ret->n];

	if (j->ret->n == DURABILITY_FINDINGS_MAX)
		return &j->ret->findings[j->ret->n - 1]; /* there are fewer rules */
	j->ret->n++;
	finding->grade = grade;
	(void)snprintf(finding->setting, sizeof(finding->setting), "%s", setting);
	(void)snprintf(finding->value, sizeof(finding->value), "%.*s", (int)value.len,
	    value.len ? value.ptr : "");
	finding->may = may;
	finding->remedy[0] = '\0';
	return finding;
}

static void mend(struct durability_finding *finding, const char *line)
{
	(void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", line);
}

/* ---- single settings ---- */

static const struct {
	const char *name, *wanted, *line;
	enum durability_grade grade;
	const char *may;
} rows[] = {
    {"appendonly", "yes", "appendonly yes", DURABILITY_LOSES,
	"what is not in a snapshot is gone when Redis ends: minutes of votes, and tokens that were "
	"spent can be spent again"},
    {"appendfsync", "always", "appendfsync always", DURABILITY_LOSES,
	"votes are acknowledged before they are on the disk: a power cut loses the last seconds"},
    {"no-appendfsync-on-rewrite", "no", "no-appendfsync-on-rewrite no", DURABILITY_LOSES,
	"while the append-only file is rewritten, votes are acknowledged before they are on the "
	"disk"},
    {"aof-load-truncated", "no", "aof-load-truncated no", DURABILITY_DOUBLES,
	"a torn tail leaves a transaction open in the file, and the start after the next swallows "
	"or "
	"replays what followed it"},
    {"aof-timestamp-enabled", "no", "aof-timestamp-enabled no", DURABILITY_ADVICE,
	"the append-only file tells when each vote was cast"},
    {"notify-keyspace-events", "", "notify-keyspace-events \"\"", DURABILITY_ADVICE,
	"whoever may subscribe is told of each vote as it is cast"},
    {"save", "", "save \"\"", DURABILITY_ADVICE,
	"a snapshot that fails turns writes off, and one that succeeds adds nothing to the "
	"append-only "
	"file"},
    {"aof-use-rdb-preamble", "yes", "aof-use-rdb-preamble yes", DURABILITY_ADVICE,
	"loading takes several times as long, and the base file carries no checksum"},
};

static void judge_rows(struct judging *j)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct slice value = setting_of(j, rows[i].name);

		if (differs(value, rows[i].wanted))
			mend(
			    find(j, rows[i].grade, rows[i].name, value, rows[i].may), rows[i].line);
	}
}

/* ---- the server ---- */

static void judge_version(struct judging *j)
{
	struct slice version = info_of(j, "redis_version");
	const char *dot = version.ptr ? memchr(version.ptr, '.', version.len) : NULL;
	int64_t major =
	    dot ? redis_number(slice_make(version.ptr, (size_t)(dot - version.ptr))) : -1;

	if (major >= 0 && major < 7)
		find(j, DURABILITY_STOPS, "redis_version", version,
		    "functions and append-only files of several parts came with Redis 7.0");
}

/* Without CONFIG GET, INFO still tells whether there is an append-only file. */
static void judge_state_of_aof(struct judging *j)
{
	struct slice enabled = info_of(j, "aof_enabled");

	if (slice_is(enabled, "0") && !differs(setting_of(j, "appendonly"), "yes"))
		mend(find(j, DURABILITY_LOSES, "aof_enabled", enabled,
			 "Redis writes no append-only file: what is not in a snapshot is gone when "
			 "it "
			 "ends"),
		    "appendonly yes");
	if (differs(info_of(j, "aof_last_write_status"), "ok"))
		find(j, DURABILITY_STOPS, "aof_last_write_status",
		    info_of(j, "aof_last_write_status"),
		    "the append-only file cannot be written: look at the disk");
	if (differs(info_of(j, "aof_last_bgrewrite_status"), "ok"))
		find(j, DURABILITY_ADVICE, "aof_last_bgrewrite_status",
		    info_of(j, "aof_last_bgrewrite_status"),
		    "the append-only file could not be rewritten, so it grows and grows: is there "
		    "room "
		    "on the disk, and memory to fork?");
}

static void judge_snapshots(struct judging *j)
{
	struct slice status = info_of(j, "rdb_last_bgsave_status");
	struct slice save = setting_of(j, "save");
	bool saves = !save.ptr || save.len > 0;
	bool stops = !differs(setting_of(j, "stop-writes-on-bgsave-error"), "yes");

	if (differs(status, "ok"))
		mend(find(j, saves && stops ? DURABILITY_STOPS : DURABILITY_ADVICE,
			 "rdb_last_bgsave_status", status,
			 "a snapshot could not be written, which turns writes off where snapshots "
			 "are "
			 "configured (stop-writes-on-bgsave-error)"),
		    "save \"\"");
}

/* ---- memory ---- */

static bool policy_is(struct slice policy, const char *beginning)
{
	return policy.ptr && slice_starts(policy, beginning);
}

static void judge_policy(struct judging *j)
{
	static const char line[] = "maxmemory-policy noeviction";
	struct slice policy = setting_of(j, "maxmemory-policy");

	if (!policy.ptr)
		policy = info_of(j, "maxmemory_policy");
	if (policy_is(policy, "allkeys-"))
		mend(find(j, DURABILITY_DOUBLES, "maxmemory-policy", policy,
			 "with its memory full Redis forgets spent tokens, which then vote again, "
			 "and "
			 "ballots"),
		    line);
	else if (differs(policy, "noeviction"))
		mend(find(j, DURABILITY_ADVICE, "maxmemory-policy", policy,
			 "with its memory full Redis evicts keys that expire; nothing of tallyd's "
			 "does, but then the setting promises nothing either"),
		    line);
}

/* Roughly, and rather too much: ballot, spent token, issued token. */
static int64_t bytes_of(uint64_t voters)
{
	static const int64_t voter = 150;

	return (int64_t)voters * voter;
}

/* What the voters who are expected need beside what is there, and a tenth more, since a server that
 * is fuller is told of. */
static void mend_room(
    struct durability_finding *finding, const struct judging *j, int64_t used, int64_t machine)
{
	int64_t needed = ((used > 0 ? used : 0) + bytes_of(j->wants->voters)) / 9 * 10;
	int64_t most = machine / 4 * 3;

	if (machine > 0 && needed > most)
		(void)snprintf(finding->remedy, sizeof(finding->remedy),
		    "maxmemory %lldmb, on a machine that has a third more than that",
		    (long long)(needed >> 20) + 1);
	else
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "maxmemory %lldmb",
		    (long long)(needed >> 20) + 1);
}

/* As much as the kernel can give without ending anybody. */
static void mend_to_machine(struct durability_finding *finding, int64_t machine)
{
	if (machine > 0)
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "maxmemory %lldmb",
		    (long long)(machine / 4 * 3 >> 20));
}

static void judge_room(struct judging *j)
{
	struct slice text = info_of(j, "maxmemory");
	int64_t most = redis_number(text), used = redis_number(info_of(j, "used_memory"));
	int64_t machine = redis_number(info_of(j, "total_system_memory"));

	if (most == 0)
		mend_to_machine(find(j, DURABILITY_ADVICE, "maxmemory", text,
				    "without a limit the kernel ends Redis when memory is short, "
				    "instead of Redis refusing votes"),
		    machine);
	else if (most > 0 && used >= most)
		mend_room(find(j, DURABILITY_STOPS, "maxmemory", text,
			      "all of it is used: every vote is refused (OOM)"),
		    j, used, machine);
	else if (most > 0 && used >= 0 && used > most / 10 * 9)
		mend_room(find(j, DURABILITY_ADVICE, "maxmemory", text,
			      "over nine tenths are used; when it is reached, every vote is "
			      "refused (OOM)"),
		    j, used, machine);
	else if (most > 0 && bytes_of(j->wants->voters) > most - (used > 0 ? used : 0))
		mend_room(find(j, DURABILITY_ADVICE, "maxmemory", text,
			      "less is free than the expected voters need, at up to 150 bytes "
			      "each; when it is reached, every vote is refused (OOM)"),
		    j, used, machine);
	else if (machine > 0 && most > machine)
		mend_to_machine(find(j, DURABILITY_ADVICE, "maxmemory", text,
				    "more than the machine has: the kernel ends Redis before it "
				    "refuses votes"),
		    machine);
}

static void judge_packing(struct judging *j)
{
	/* About 80 fields are expected in a bucket, more where hashing is uneven. */
	static const int64_t entries_min = 160, value_min = 32;
	static const char may[] =
	    "buckets of tokens take several times the memory once they are no compact lists";
	struct slice entries = setting_of(j, "hash-max-listpack-entries");
	struct slice value = setting_of(j, "hash-max-listpack-value");

	if (entries.ptr && redis_number(entries) < entries_min)
		mend(find(j, DURABILITY_ADVICE, "hash-max-listpack-entries", entries, may),
		    "hash-max-listpack-entries 512");
	if (value.ptr && redis_number(value) < value_min)
		mend(find(j, DURABILITY_ADVICE, "hash-max-listpack-value", value, may),
		    "hash-max-listpack-value 64");
}

/* ---- other servers ---- */

/* Whether votes wait for replicas, and for enough of them. */
static void judge_waiting(struct judging *j, int64_t replicas)
{
	int64_t waits = j->wants->replicas;
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)replicas);
	if (replicas >= 0 && waits > replicas)
		mend(find(j, DURABILITY_STOPS, "connected_slaves", slice_text(number),
			 "fewer replicas follow than redis.replicas asks for: no vote is "
			 "acknowledged"),
		    "replicaof … on the replicas, or redis.replicas in tallyd.yaml");
	else if (replicas > waits)
		mend(find(j, DURABILITY_ADVICE, "connected_slaves", slice_text(number),
			 "votes are acknowledged before all replicas have them: one that is "
			 "promoted may lack some, and then takes none"),
		    "redis.replicas in tallyd.yaml, as many as there are");
}

static void judge_following(struct judging *j)
{
	struct slice link = info_of(j, "master_link_status");

	if (differs(link, "up"))
		find(j, DURABILITY_ADVICE, "master_link_status", link,
		    "it does not follow its master now: what has come since, it lacks");
}

static void judge_replication(struct judging *j)
{
	struct slice role = info_of(j, "role");
	struct slice wanted = setting_of(j, "min-replicas-to-write");
	int64_t replicas = redis_number(info_of(j, "connected_slaves"));
	int64_t good = redis_number(info_of(j, "min_slaves_good_slaves"));

	if (differs(role, "master"))
		find(j,
		    slice_is(setting_of(j, "replica-read-only"), "no") ? DURABILITY_LOSES
								       : DURABILITY_STOPS,
		    "role", slice_text("replica"),
		    "a replica takes no votes, or loses what it was given at the next "
		    "synchronisation: redis.address must be the master's");
	if (redis_number(wanted) > 0 && good >= 0 && good < redis_number(wanted))
		find(j, DURABILITY_STOPS, "min-replicas-to-write", wanted,
		    "fewer replicas follow than that: every vote is refused (NOREPLICAS)");
	if (slice_is(role, "master"))
		judge_waiting(j, replicas);
}

/* ---- what tells of votes, and what holds them up ---- */

static void judge_slowlog(struct judging *j)
{
	struct slice slower = setting_of(j, "slowlog-log-slower-than");

	if (redis_number(slower) >= 0 && redis_number(setting_of(j, "slowlog-max-len")) != 0)
		mend(find(j, DURABILITY_ADVICE, "slowlog-log-slower-than", slower,
			 "the slow log keeps the arguments of calls: ballots with their tokens"),
		    "slowlog-log-slower-than -1");
}

static void judge_busy(struct judging *j)
{
	static const int64_t most_ms = 5000;
	struct slice ms = setting_of(j, "busy-reply-threshold");

	if (ms.ptr && (redis_number(ms) == 0 || redis_number(ms) > most_ms))
		mend(find(j, DURABILITY_ADVICE, "busy-reply-threshold", ms,
			 "while a function runs on by a defect, Redis answers nothing instead of "
			 "BUSY"),
		    "busy-reply-threshold 1000");
}

/* ---- the whole ---- */

static int by_grade(const void *a, const void *b)
{
	const struct durability_finding *x = a, *y = b;

	if (x->grade != y->grade)
		return x->grade < y->grade ? 1 : -1;
	return strcmp(x->setting, y->setting);
}

void durability_judge(struct slice info, const struct durability_setting *settings, size_t n,
    const struct durability_wants *wants, struct durability *ret)
{
	struct judging j = {info, settings, n, wants, ret};

	*ret = (struct durability){.settings_known = n > 0};
	if (n == 0)
		mend(find(&j, DURABILITY_ADVICE, "CONFIG GET", slice_text("refused"),
			 "nobody can tell whether the append-only file is fsynced and how it is "
			 "loaded: let "
			 "tallyd's user ask, or compare Redis' configuration with ops/redis.conf"),
		    "user NAME … +config|get");
	if (info.len == 0)
		mend(find(&j, DURABILITY_ADVICE, "INFO", slice_text("refused"),
			 "nobody can tell how Redis is, nor whether it is a replica: let tallyd's "
			 "user ask"),
		    "user NAME … +info");
	judge_version(&j);
	judge_rows(&j);
	judge_state_of_aof(&j);
	judge_snapshots(&j);
	judge_policy(&j);
	judge_room(&j);
	judge_packing(&j);
	if (wants->replica)
		judge_following(&j);
	else
		judge_replication(&j);
	judge_slowlog(&j);
	judge_busy(&j);
	qsort(ret->findings, ret->n, sizeof(*ret->findings), by_grade);
}

enum durability_grade durability_worst(const struct durability *durability)
{
	return durability->n > 0 ? durability->findings[0].grade : DURABILITY_ADVICE;
}

const char *durability_word(enum durability_grade grade)
{
	static const char *const words[] = {
	    [DURABILITY_ADVICE] = "advice",
	    [DURABILITY_STOPS] = "takes no votes",
	    [DURABILITY_LOSES] = "loses votes",
	    [DURABILITY_DOUBLES] = "may double votes",
	};

	return words[grade];
}

void durability_tell(const struct durability_finding *finding, char *ret_text, size_t cap)
{
	(void)snprintf(ret_text, cap, "%s is \"%s\" (%s): %s%s%s", finding->setting, finding->value,
	    durability_word(finding->grade), finding->may, finding->remedy[0] ? "; write: " : "",
	    finding->remedy);
}
