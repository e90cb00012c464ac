/* The daemon's log: one line a call on standard error, "TIME LEVEL PROCESS message". The level is
 * the only global of the program. base, crypto and contest never log. Not signal-safe. */
#ifndef TALLYD_BASE_LOG_H
#define TALLYD_BASE_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level level);
/* Name of this process in each line, such as "worker 1". Borrowed: pass a literal or keep it. */
void log_set_process(const char *name);

__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *format, ...);

#endif
