/* The signer process, confined as in service, and the worker's side of it: answers, refusals, the
 * bounded queue, deadlines, and an answer meant for a predecessor. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>

#include "client/signer.h"
#include "worker/signer.h"

#define QUEUE 8

struct answer {
	struct event_base *base;
	int count, last_error;
	uint8_t signature[BLINDRSA_BYTES];
};

struct fixture {
	struct blindrsa_private *key;
	struct blindrsa_public *public;
	int fds[2]; /* worker's end, signer's end */
	pid_t pid;
	struct event_base *base;
	struct signer *signer;
	struct answer answer;
};

static void on_answer(void *arg, int error, const uint8_t *signature)
{
	struct answer *answer = arg;
	answer->count++;
	answer->last_error = error;
	if (error == 0)
		memcpy(answer->signature, signature, BLINDRSA_BYTES);
	event_base_loopbreak(answer->base);
}

static void start_process(struct fixture *f)
{
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		struct blindrsa_private *keys[] = {f->key};
		close(f->fds[0]);
		_exit(signer_process(&f->fds[1], 1, keys, 1));
	}
}

static void stop_process(struct fixture *f, int signal_number)
{
	int status;
	kill(f->pid, signal_number);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	f->pid = 0;
	if (signal_number == SIGQUIT)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void connect_signer(struct fixture *f, unsigned queue, unsigned deadline_ms)
{
	signer_free(f->signer);
	f->signer = signer_new(f->base, f->fds[0], queue, deadline_ms);
	assert_non_null(f->signer);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_int_equal(blindrsa_generate(&f->key), 0);
	assert_int_equal(blindrsa_public_of(f->key, &f->public), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, f->fds), 0);
	f->base = event_base_new();
	f->answer.base = f->base;
	connect_signer(f, QUEUE, 60000);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	if (f->pid)
		stop_process(f, SIGKILL);
	signer_free(f->signer);
	event_base_free(f->base);
	close(f->fds[0]);
	close(f->fds[1]);
	blindrsa_public_free(f->public);
	blindrsa_private_free(f->key);
	free(f);
	return 0;
}

static void test_signs_what_verifies(void **state)
{
	struct fixture *f = *state;
	start_process(f);
	uint8_t blinded[BLINDRSA_BYTES], inverse[BLINDRSA_BYTES], signature[BLINDRSA_BYTES];
	struct slice message = slice_text("a token input");
	assert_int_equal(
	    blindrsa_blind(f->public, message, slice_text(""), slice_text(""), blinded, inverse),
	    0);
	assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
	assert_int_equal(f->answer.count, 0); /* never before the call has returned */
	event_base_dispatch(f->base);
	assert_int_equal(f->answer.last_error, 0);
	assert_int_equal(
	    blindrsa_finalize(f->public, message, slice_make(f->answer.signature, BLINDRSA_BYTES),
		slice_make(inverse, BLINDRSA_BYTES), signature),
	    0);
	assert_true(blindrsa_verify(f->public, message, slice_make(signature, BLINDRSA_BYTES)));
	kill(f->pid, SIGTERM); /* ignored: workers may still be draining */
	assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
	event_base_dispatch(f->base);
	assert_int_equal(f->answer.count, 2);
	assert_int_equal(f->answer.last_error, 0);
	stop_process(f, SIGQUIT);
}

static void test_refuses_what_is_no_message(void **state)
{
	struct fixture *f = *state;
	start_process(f);
	uint8_t too_large[BLINDRSA_BYTES];
	memset(too_large, 0xff, sizeof(too_large));
	assert_int_equal(signer_sign(f->signer, 0, too_large, on_answer, &f->answer), 0);
	event_base_dispatch(f->base);
	assert_int_equal(f->answer.last_error, -EINVAL);
	uint8_t small[BLINDRSA_BYTES] = {0};
	small[BLINDRSA_BYTES - 1] = 2;
	assert_int_equal(signer_sign(f->signer, 7, small, on_answer, &f->answer), 0); /* no key 7 */
	event_base_dispatch(f->base);
	assert_int_equal(f->answer.last_error, -EINVAL);
}

static void test_queue_is_bounded_and_has_deadlines(void **state)
{
	struct fixture *f = *state; /* no process: nobody answers */
	uint8_t blinded[BLINDRSA_BYTES] = {0};
	connect_signer(f, QUEUE, 200);
	for (int i = 0; i < QUEUE; i++)
		assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
	assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), -EBUSY);
	while (f->answer.count < QUEUE)
		event_base_dispatch(f->base);
	assert_int_equal(f->answer.last_error, -ETIMEDOUT);
	/* Answers that come after the deadline are passed over, and the places are free again. */
	start_process(f);
	do { /* a busy machine may need more than one deadline to start it */
		assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
		event_base_dispatch(f->base);
	} while (f->answer.last_error == -ETIMEDOUT);
	assert_int_equal(f->answer.last_error, 0);
}

/* A socket holds some 250. */
static void test_as_many_as_the_queue_has_are_signed(void **state)
{
	struct fixture *f = *state;
	uint8_t blinded[BLINDRSA_BYTES] = {0};
	blinded[BLINDRSA_BYTES - 1] = 2;
	connect_signer(f, 600, 60000);
	for (int i = 0; i < 600; i++)
		assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
	assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), -EBUSY);
	start_process(f);
	while (f->answer.count < 600) {
		event_base_dispatch(f->base);
		assert_int_equal(f->answer.last_error, 0);
	}
}

static void test_waiting_requests_end_with_the_client(void **state)
{
	struct fixture *f = *state;
	uint8_t blinded[BLINDRSA_BYTES] = {0};
	assert_int_equal(signer_sign(f->signer, 0, blinded, on_answer, &f->answer), 0);
	signer_free(f->signer);
	f->signer = NULL;
	assert_int_equal(f->answer.count, 1);
	assert_int_equal(f->answer.last_error, -EIO);
}

/* As after the supervisor's and the worker's death: what is left of them is ready for ever, and
 * while something is ready ppoll() lets no signal in. */
static void test_ends_where_everybody_has_gone(void **state)
{
	struct fixture *outer = *state, f = {.key = outer->key};
	int status;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, f.fds), 0);
	start_process(&f);
	close(f.fds[1]);
	close(f.fds[0]);
	alarm(30); /* ends this test where the signer does not end */
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	alarm(0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_signs_what_verifies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_refuses_what_is_no_message, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_queue_is_bounded_and_has_deadlines, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_as_many_as_the_queue_has_are_signed, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_waiting_requests_end_with_the_client, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ends_where_everybody_has_gone, setup, teardown),
	};
	return cmocka_run_group_tests_name("signer", tests, NULL, NULL);
}
