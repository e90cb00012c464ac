/* Claims of somebody who identified themselves, held against the contest's rules. */
#include "admission/claims.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 24

struct judging {
	const json_t *claims;
	const struct claims_expected *expected;
	const struct contest *contest;
	char *why;
};

__attribute__((format(printf, 3, 4))) static enum claims_verdict judged(
    const struct judging *judging, enum claims_verdict verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(judging->why, CLAIMS_WHY_MAX, format, args);
	va_end(args);
	return verdict;
}

static bool is_text(const json_t *value, const char *text)
{
	return json_is_string(value) && strlen(text) == json_string_length(value) &&
	       strcmp(json_string_value(value), text) == 0;
}

static bool has_text(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (is_text(json_array_get(list, i), text))
			return true;
	return false;
}

/* ---- meant for this, and of now ---- */

static enum claims_verdict judge_audience(const struct judging *judging)
{
	const json_t *aud = json_object_get(judging->claims, "aud");
	const json_t *azp = json_object_get(judging->claims, "azp");
	const char *us = judging->expected->audience;

	if (!is_text(aud, us) && !has_text(aud, us))
		return judged(judging, CLAIMS_UNSOUND, "\"aud\" does not name this client.");
	if (azp ? !is_text(azp, us) : json_array_size(aud) > 1)
		return judged(judging, CLAIMS_UNSOUND,
		    "\"azp\" must name this client where it is there or \"aud\" names several.");
	return CLAIMS_GOOD;
}

/* Whole seconds, or with a fraction that is cut off (RFC 7519, section 2). */
static bool read_time(const json_t *value, int64_t *ret_s)
{
	if (json_is_integer(value))
		*ret_s = json_integer_value(value);
	else if (json_is_real(value) && json_real_value(value) > -1e15 &&
		 json_real_value(value) < 1e15)
		*ret_s = (int64_t)json_real_value(value);
	else
		return false;
	return *ret_s > -(INT64_C(1) << 50) && *ret_s < INT64_C(1) << 50;
}

static enum claims_verdict judge_times(const struct judging *judging)
{
	const json_t *nbf = json_object_get(judging->claims, "nbf");
	int64_t now_s = judging->expected->now_s, iat, exp, begins;

	if (!read_time(json_object_get(judging->claims, "iat"), &iat) ||
	    !read_time(json_object_get(judging->claims, "exp"), &exp))
		return judged(judging, CLAIMS_UNSOUND, "\"iat\" and \"exp\" must be numbers.");
	if (exp + CLAIMS_SKEW_S <= now_s)
		return judged(judging, CLAIMS_EXPIRED, "\"exp\" is over.");
	if (iat + CLAIMS_AGE_S + CLAIMS_SKEW_S <= now_s)
		return judged(judging, CLAIMS_EXPIRED, "\"iat\" is of long ago.");
	if (iat - CLAIMS_SKEW_S > now_s)
		return judged(judging, CLAIMS_EARLY, "\"iat\" is in the future.");
	if (nbf && (!read_time(nbf, &begins) || begins - CLAIMS_SKEW_S > now_s))
		return judged(judging, CLAIMS_EARLY, "\"nbf\" is in the future.");
	if (!judging->expected->nonce && exp - iat > CLAIMS_AGE_S)
		return judged(judging, CLAIMS_UNSOUND,
		    "an assertion is for %d seconds at most; \"exp\" is later.", CLAIMS_AGE_S);
	return CLAIMS_GOOD;
}

static enum claims_verdict judge_origin(const struct judging *judging)
{
	const struct claims_expected *expected = judging->expected;

	if (!is_text(json_object_get(judging->claims, "iss"), expected->issuer))
		return judged(judging, CLAIMS_UNSOUND, "\"iss\" is not the issuer.");
	if (expected->nonce && !is_text(json_object_get(judging->claims, "nonce"), expected->nonce))
		return judged(judging, CLAIMS_UNSOUND, "\"nonce\" is not that of this login.");
	return judge_audience(judging);
}

/* ---- lets them vote ---- */

/* Texts, numbers and truth values as text; empty: none of these. */
static struct slice value_text(const json_t *value, char ret_number[NUMBER_SIZE])
{
	if (json_is_string(value))
		return slice_make(json_string_value(value), json_string_length(value));
	if (json_is_boolean(value))
		return slice_text(json_is_true(value) ? "true" : "false");
	if (!json_is_integer(value))
		return slice_make(NULL, 0);
	(void)snprintf(ret_number, NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return slice_text(ret_number);
}

static bool is_one_of(const json_t *value, const struct claim_rule *rule)
{
	char number[NUMBER_SIZE];
	struct slice text = value_text(value, number);

	for (size_t i = 0; i < rule->n_one_of; i++)
		if (slice_is(text, rule->one_of[i]) || has_text(value, rule->one_of[i]))
			return true;
	return false;
}

/* YYYY-MM-DD with a year; other forms of "birthdate" say too little (OpenID Connect Core 1.0,
 * section 5.1). */
static const char *date_of(const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || json_string_length(value) != 10 || strncmp(text, "0000", 4) == 0)
		return NULL;
	for (int i = 0; i < 10; i++)
		if (i == 4 || i == 7 ? text[i] != '-' : text[i] < '0' || text[i] > '9')
			return NULL;
	return text;
}

static enum claims_verdict judge_rule(const struct judging *judging, const struct claim_rule *rule)
{
	const json_t *value = json_object_get(judging->claims, rule->claim);
	const char *date = date_of(value);

	if (!value || json_is_null(value))
		return judged(judging, CLAIMS_SILENT, "\"%s\" is not there.", rule->claim);
	if ((rule->at_least || rule->at_most) && !date)
		return judged(
		    judging, CLAIMS_SILENT, "\"%s\" is no date with a year.", rule->claim);
	if ((rule->at_least && strcmp(date, rule->at_least) < 0) ||
	    (rule->at_most && strcmp(date, rule->at_most) > 0) ||
	    (rule->n_one_of > 0 && !is_one_of(value, rule)))
		return judged(judging, CLAIMS_EXCLUDED, "\"%s\" excludes.", rule->claim);
	return CLAIMS_GOOD;
}

static enum claims_verdict judge_rules(const struct judging *judging)
{
	const struct contest *contest = judging->contest;
	const json_t *acr = json_object_get(judging->claims, "acr");
	enum claims_verdict verdict = CLAIMS_GOOD;
	char number[NUMBER_SIZE];
	bool strong = contest->identity.n_acr == 0;

	for (size_t i = 0; i < contest->identity.n_acr && !strong; i++)
		strong = is_text(acr, contest->identity.acr[i]);
	if (!strong)
		return judged(judging, CLAIMS_WEAK, "\"acr\" is none that the contest asks for.");
	for (size_t i = 0; i < contest->identity.n_claims && verdict == CLAIMS_GOOD; i++)
		verdict = judge_rule(judging, &contest->identity.claims[i]);
	if (verdict == CLAIMS_GOOD && claims_person(judging->claims, contest, number).len == 0)
		return judged(judging, CLAIMS_SILENT,
		    "\"%s\", which names the person, is not there.",
		    contest->identity.person_claim);
	return verdict;
}

/* ---- the whole ---- */

enum claims_verdict claims_judge(const json_t *claims, const struct claims_expected *expected,
    const struct contest *contest, char ret_why[CLAIMS_WHY_MAX])
{
	const struct judging judging = {claims, expected, contest, ret_why};
	enum claims_verdict verdict;

	ret_why[0] = '\0';
	verdict = judge_origin(&judging);
	if (verdict == CLAIMS_GOOD)
		verdict = judge_times(&judging);
	return verdict == CLAIMS_GOOD ? judge_rules(&judging) : verdict;
}

struct slice claims_person(const json_t *claims, const struct contest *contest, char ret_number[24])
{
	const json_t *value = json_object_get(claims, contest->identity.person_claim);

	if (json_is_boolean(value))
		return slice_make(NULL, 0);
	return value_text(value, ret_number);
}
