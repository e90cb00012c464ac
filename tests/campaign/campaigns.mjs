// Every campaign by name, with the number of faults at full size (of votes, where only two starts are measured). A control breaks the product on purpose, and
// must be caught by the campaign: the audit then has something in `catches`.
import { withDefect } from './controls.mjs';
import { fullDisk, injectedErrors, outOfMemory, standingStill } from './faults.mjs';
import { redisKills, workerKills } from './kills.mjs';
import { promotions } from './promotions.mjs';
import { restarts } from './restart.mjs';
import { tornTails } from './torn.mjs';

const broken = (defect, wage, more) => (options) => withDefect(defect, (tallyd) => wage({ ...options, ...more, tallyd }));

export const campaigns = {
	'redis-kills': { wage: redisKills, count: 1000 },
	'worker-kills': { wage: workerKills, count: 1000 },
	'torn-tails': { wage: tornTails, count: 1000 },
	'promotions': { wage: promotions, count: 200 },
	'injected-errors': { wage: injectedErrors, count: 300 },
	'full-disk': { wage: fullDisk, count: 100 },
	'out-of-memory': { wage: outOfMemory, count: 100 },
	'standing-still': { wage: standingStill, count: 6 },
	'restart': { wage: restarts, count: 1_000_000 }, // of votes
	'control-no-fsync': { wage: (options) => tornTails({ ...options, conf: 'appendfsync no' }), count: 10, catches: ['lost'] },
	'control-no-replicas': { wage: (options) => promotions({ ...options, replicas: 0, forgetful: true }), count: 4, catches: ['lost'] },
	'control-no-mending': { wage: broken('unmended', tornTails, { conf: 'aof-load-truncated yes' }), count: 20, catches: ['lost', 'doubled'] },
	'control-no-dedup': { wage: broken('dedup', redisKills), count: 10, catches: ['doubled'] },
	'control-answers-early': { wage: broken('early', redisKills), count: 10, catches: ['lost'] },
};

/** Whether a control's audit found what it had to. */
export const isCaught = ({ catches }, result) => catches.some((what) => result[what] > 0);
