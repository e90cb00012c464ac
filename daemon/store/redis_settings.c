/* From settings to options: see redis_settings.h. */
#include "store/redis_settings.h"

#include "config/settings.h"

struct redis_options redis_options_from(const struct settings *settings, const char *password)
{
	return (struct redis_options){
	    .address = settings->redis.address,
	    .nodes = (const char *const *)settings->redis.cluster,
	    .n_nodes = settings->redis.n_cluster,
	    .user = settings->redis.user,
	    .password = password && *password ? password : NULL,
	    .deadline_ms = (unsigned)settings->redis.deadline_ms,
	    .in_flight_max = (unsigned)settings->redis.in_flight,
	    .backoff_max_ms = (unsigned)settings->redis.backoff_max_ms,
	    .replicas = (unsigned)settings->redis.replicas,
	    .wait_ms = (unsigned)settings->redis.replica_wait_ms,
	};
}

const char *redis_where(const struct settings *settings)
{
	return settings->redis.n_cluster > 0 ? settings->redis.cluster[0] : settings->redis.address;
}
