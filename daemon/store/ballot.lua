#!lua name=tallyd_1

-- Counting and issuing, one atomic call a shard. Keys and their contents: daemon/store/ledger.h.
--
-- Every function first reads and type-checks all that it will touch, through pcall, and only then
-- writes; the first write is the one that Redis itself could still refuse, and nothing after it can
-- fail. So an error reply always means that nothing was written. No function has the allow-oom flag:
-- a full Redis refuses before the first line runs.
--
-- While a library is being loaded Redis 7.0 offers no string or math, so they are not put into locals.
--
-- A change of this file that any running worker could notice is a new library, tallyd_<n+1>, with
-- functions of that suffix; one already loaded is never replaced.

local REPLACEMENTS_MAX = 10
local EXACT = 9e15 -- below 2^53: numbers up to here are exact
local STEP = 1e9   -- no single increment is larger

-- An index or a sum; far cheaper than %.0f or the conversion that `..` does.
local function text(n)
  return string.format('%d', n)
end

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function damaged(what)
  return redis.error_reply('DAMAGED ' .. what)
end

local function differ(what)
  return redis.error_reply('RULESDIFFER ' .. what)
end

-- A number as HINCRBY takes it, or nil.
local function integer(value)
  if value == '0' or (type(value) == 'string' and #value <= 16 and string.find(value, '^%-?[1-9]%d*$')) then
    return tonumber(value)
  end
end

local function u32(s, at)
  local a, b, c, d = string.byte(s, at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function hex(s)
  return (string.gsub(s, '.', function(c) return string.format('%02x', string.byte(c)) end))
end

-- The shard's rules, or nil and an error reply: absent, damaged, or not those with this hash.
local function rules_of(key, hash)
  local r = redis.pcall('HMGET', key, 'hash', 'opens', 'closes', 'shard', 'shards', 'buckets',
    'revote', 'phase', 'version')
  if r.err then
    return nil, r
  end
  if r[1] ~= hash then
    return nil, differ(r[1] and hex(r[1]) or 'absent')
  end
  local rules = {
    opens = integer(r[2]), closes = integer(r[3]), shard = integer(r[4]), shards = integer(r[5]),
    buckets = integer(r[6]), revote = r[7], phase = r[8], version = integer(r[9]),
    prefix = string.match(key, '^(.*):rules$'),
  }
  if not (rules.opens and rules.closes and rules.shard and rules.shards and rules.buckets
      and rules.phase and rules.version and rules.prefix)
      or rules.shards < 1 or rules.buckets < 1 then
    return nil, damaged(key)
  end
  return rules
end

-- nil while ballots are taken.
local function shut(rules, now)
  if rules.phase == 'closed' or (rules.closes > 0 and now >= rules.closes) then
    return 'closed'
  elseif rules.phase ~= '' then
    return 'paused'
  elseif now < rules.opens then
    return 'not-open'
  end
end

-- The bucket that holds these 16 bytes, or nil if they belong to another shard.
local function bucket_of(rules, kind, id)
  if #id == 16 and u32(id, 1) % rules.shards == rules.shard then
    return rules.prefix .. kind .. text(u32(id, 9) % rules.buckets)
  end
end

---- the log ----

-- The index of an entry's first ballot and its packed ballots, or nil.
local function entry_of(e)
  local id = string.match(e[1], '^(%d+)%-0$')
  if id and e[2] and #e[2] == 2 and e[2][1] == 'b' then
    return id - 1, e[2][2]
  end
end

-- How many ballots the log holds, derived from its last entry; or nil and an error reply.
local function log_size(key)
  local last = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', 1)
  if last.err then
    return nil, last
  end
  if not last[1] then
    -- Emptied, not empty: its next ID is not ours to choose.
    if redis.call('EXISTS', key) == 1 then
      return nil, damaged(key)
    end
    return 0
  end
  local first, packed = entry_of(last[1])
  if not first or #packed == 0 then
    return nil, damaged(key)
  end
  local at, n, len = 1, 0, #packed
  while at + 17 <= len do
    local high, low = string.byte(packed, at + 16, at + 17)
    at = at + 18 + high * 256 + low
    n = n + 1
  end
  if at ~= len + 1 then
    return nil, damaged(key)
  end
  return first + n
end

-- The ballot at this index of the log, which must be this token's; nil if it is not there.
local function ballot_at(key, index, spent)
  local r = redis.pcall('XREVRANGE', key, text(index + 1) .. '-0', '-', 'COUNT', 1)
  if r.err or not r[1] then
    return nil
  end
  local first, packed = entry_of(r[1])
  if not first then
    return nil
  end
  local at, len = 1, #packed
  for _ = first, index - 1 do
    local high, low = string.byte(packed, at + 16, at + 17)
    if not low then
      return nil
    end
    at = at + 18 + high * 256 + low
  end
  local high, low = string.byte(packed, at + 16, at + 17)
  if not low or string.sub(packed, at, at + 15) ~= spent then
    return nil
  end
  local stop = at + 17 + high * 256 + low
  if stop > len then
    return nil
  end
  return string.sub(packed, at + 18, stop)
end

-- What stands for this token: nil, or {index, replacements, ballot}; or nil and true when damaged.
local function standing(bucket, log, spent)
  local value = redis.pcall('HGET', bucket, spent)
  if not value then
    return nil
  end
  if type(value) ~= 'string' then
    return nil, true
  end
  local index, replacements = string.match(value, '^(%d+) ?(%d*)$')
  if not index or #index > 15 then
    return nil, true
  end
  index = tonumber(index)
  local ballot = ballot_at(log, index, spent)
  if not ballot then
    return nil, true
  end
  return { index, tonumber(replacements) or 0, ballot }
end

---- casting ----

-- Counters read so far and what is to be added to them.
local function counters_new(key)
  return { key = key, value = {}, by = {}, names = {} }
end

-- Whether `by` can be added to the counter without fail.
local function counter_takes(counters, name, by)
  local value = counters.value[name]
  if value == nil then
    local stored = redis.pcall('HGET', counters.key, name)
    if stored == false then
      value = 0
    else
      value = integer(stored) or false
    end
    counters.value[name] = value
  end
  return value and by and by >= -STEP and by <= STEP
    and math.abs(value + (counters.by[name] or 0) + by) < EXACT
end

local function counter_add(counters, name, by)
  local sum = counters.by[name]
  if not sum then
    counters.names[#counters.names + 1] = name
    sum = 0
  end
  counters.by[name] = sum + by
end

-- KEYS rules, log, count, then the distinct spent buckets.
-- ARGV rules hash, then per ballot: spent, number of its key, canonical ballot, index of the ballot
--      it replaces or '', number of increments, and per increment: counter, by.
-- Answers {clock in ms, one verdict a ballot}: an integer is the index at which it is counted now;
--      else {word} or {word, index, replacements[, ballot]}.
local function cast(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local log, count = keys[2], keys[3]
  if log ~= rules.prefix .. ':log' or count ~= rules.prefix .. ':count' then
    return differ('keys')
  end
  local size
  size, err = log_size(log)
  if not size then
    return err
  end

  local now = now_ms()
  local closed = shut(rules, now)
  local counters = counters_new(count)
  local reply, fresh, packed, writes = { now }, {}, {}, {}
  local next_index = size

  local parsed = {} -- the same few numbers come again and again
  local function number(s)
    local n = parsed[s]
    if not n then
      n = tonumber(s)
      parsed[s] = n
    end
    return n
  end

  local function judge(spent, bucket, ballot, replaces, first_increment, n)
    if bucket_of(rules, ':spent:', spent) ~= bucket or #ballot > 65535 then
      return { 'differ' }
    end
    local old, bad = fresh[spent], nil
    if not old then
      old, bad = standing(bucket, log, spent)
    end
    if bad then
      return { 'fault' }
    end
    if old then
      if old[3] == ballot then
        return { 'same', old[1], old[2] }
      elseif replaces == '' or replaces ~= text(old[1]) or rules.revote ~= 'replace' then
        return { 'spent', old[1], old[2], old[3] }
      elseif old[2] >= REPLACEMENTS_MAX then
        return { 'too-often', old[1], old[2], old[3] }
      end
    elseif replaces ~= '' then
      return { 'never' }
    end
    if closed then
      return { closed }
    end

    local last = first_increment + 2 * n - 2
    for i = first_increment, last, 2 do
      if not counter_takes(counters, args[i], number(args[i + 1])) then
        return { 'fault' }
      end
    end
    if not old and not counter_takes(counters, 'ballots', 1) then
      return { 'fault' }
    end

    -- Accepted.
    for i = first_increment, last, 2 do
      counter_add(counters, args[i], number(args[i + 1]))
    end
    if not old then
      counter_add(counters, 'ballots', 1)
    end
    local index = next_index
    local replacements = old and old[2] + 1 or 0
    next_index = index + 1
    fresh[spent] = { index, replacements, ballot }
    packed[#packed + 1] = spent
    packed[#packed + 1] = string.char(math.floor(#ballot / 256), #ballot % 256)
    packed[#packed + 1] = ballot
    local fields = writes[bucket]
    if not fields then
      fields = {}
      writes[bucket] = fields
      writes[#writes + 1] = bucket
    end
    fields[#fields + 1] = spent
    fields[#fields + 1] = old and text(index) .. ' ' .. text(replacements) or text(index)
    return old and { 'replaced', index, replacements } or index
  end

  local at, last = 2, #args
  while at <= last do
    local n = number(args[at + 4])
    if not n or at + 4 + 2 * n > last then
      return redis.error_reply('ERR malformed call')
    end
    reply[#reply + 1] =
      judge(args[at], keys[number(args[at + 1])], args[at + 2], args[at + 3], at + 5, n)
    at = at + 5 + 2 * n
  end

  if next_index > size then
    -- Refused where the stream's last ID is above its last entry: someone deleted from the log.
    local added = redis.pcall('XADD', log, text(size + 1) .. '-0', 'b', table.concat(packed))
    if type(added) == 'table' and added.err then
      return added
    end
    for _, bucket in ipairs(writes) do
      redis.call('HSET', bucket, unpack(writes[bucket]))
    end
    for _, name in ipairs(counters.names) do
      redis.call('HINCRBY', count, name, text(counters.by[name]))
    end
  end
  return reply
end

-- KEYS rules, log, spent bucket. ARGV rules hash, spent.
-- Answers {index, replacements, ballot}, nil, or an error.
local function find_ballot(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  if bucket_of(rules, ':spent:', args[2]) ~= keys[3] then
    return differ('keys')
  end
  local old, bad = standing(keys[3], keys[2], args[2])
  if bad then
    return damaged(keys[3])
  end
  return old
end

---- issuing ----

-- KEYS rules, issued bucket, issued. ARGV rules hash, identity, hash of the blinded message.
-- Answers new, same, other, not-open, paused or closed.
local function issue(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local identity, blinded = args[2], args[3]
  if bucket_of(rules, ':issued:', identity) ~= keys[2] or keys[3] ~= rules.prefix .. ':issued' then
    return differ('keys')
  end
  local before = redis.pcall('HGET', keys[2], identity)
  if type(before) == 'table' then
    return damaged(keys[2])
  elseif before then
    return redis.status_reply(before == blinded and 'same' or 'other')
  end
  local closed = shut(rules, now_ms())
  if closed then
    return redis.status_reply(closed)
  end
  local issued = redis.pcall('GET', keys[3])
  if issued and not integer(issued) then
    return damaged(keys[3])
  end
  redis.call('HSET', keys[2], identity, blinded)
  redis.call('INCR', keys[3])
  return redis.status_reply('new')
end

---- reading ----

-- KEYS rules, log, count, issued. ARGV rules hash.
-- Answers {clock in ms, phase, version, size of the log, issued, {counter, value, …}}.
local function read(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local size
  size, err = log_size(keys[2])
  if not size then
    return err
  end
  local counts = redis.pcall('HGETALL', keys[3])
  if counts.err then
    return counts
  end
  local issued = redis.pcall('GET', keys[4]) or '0'
  if not integer(issued) then
    return damaged(keys[4])
  end
  local now = now_ms()
  local phase = shut(rules, now) or 'open'
  if phase == 'not-open' then
    phase = 'announced'
  end
  return { now, phase, rules.version, size, integer(issued), counts }
end

---- the rules record ----

-- KEYS rules, log, issued. ARGV record, hash, opens, closes, shard, shards, buckets, revote.
-- Rules are frozen at opening; those of a rehearsal, which has no hours, by its first token or
-- ballot. Phase and version outlive a replacement, so that no sequence number goes back.
-- Answers same, new or replaced.
local function open(keys, args)
  local stored = redis.pcall('HMGET', keys[1], 'hash', 'opens', 'phase', 'version')
  if stored.err then
    return stored
  end
  local hash = stored[1]
  if hash == args[2] then
    return redis.status_reply('same')
  end
  for _, command in ipairs({ 'XADD', 'HSET', 'HINCRBY', 'INCR' }) do
    if not redis.acl_check_cmd(command, keys[1], 'a', 'b', 'c') then
      return redis.error_reply('NOPERM this user may not run ' .. command)
    end
  end
  if hash then
    local opens = integer(stored[2])
    if not opens
        or redis.call('EXISTS', keys[2]) == 1
        or (redis.pcall('GET', keys[3]) or '0') ~= '0'
        or (opens > 0 and now_ms() >= opens) then
      return differ(hex(hash))
    end
  end
  redis.call('HSET', keys[1], 'record', args[1], 'hash', args[2], 'opens', args[3],
    'closes', args[4], 'shard', args[5], 'shards', args[6], 'buckets', args[7], 'revote', args[8],
    'phase', stored[3] or '', 'version', stored[4] or '0')
  return redis.status_reply(hash and 'replaced' or 'new')
end

---- the published snapshot ----

-- KEYS published. ARGV text that begins with its sequence. Answers with what stands then.
local function publish(keys, args)
  local stands = redis.pcall('GET', keys[1])
  if type(stands) == 'table' then
    return stands
  end
  local new = tonumber(string.match(args[1], '^(%d+) '))
  if not new then
    return redis.error_reply('ERR no sequence')
  end
  local old = stands and tonumber(string.match(stands, '^(%d+) ') or '')
  if old and old >= new then
    return stands
  end
  redis.call('SET', keys[1], args[1])
  return args[1]
end

redis.register_function('cast_1', cast)
redis.register_function('issue_1', issue)
redis.register_function('open_1', open)
redis.register_function('publish_1', publish)
redis.register_function { function_name = 'find_1', callback = find_ballot, flags = { 'no-writes' } }
redis.register_function { function_name = 'read_1', callback = read, flags = { 'no-writes' } }
