#!lua name=tallyd_5

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
local TAG = 4      -- bytes before a packed ballot, from whoever took it; they mean nothing here
local FIELD_AT = 13 -- from this byte on a token is its field's name: shard and bucket say nothing of it
local HSET_MAX = 512 -- names and values in one call: what unpack() gives is limited
local LAYOUT = '5' -- of the keys, in each rules record: who writes another one must not meet these

-- Small numbers as they come in calls; tonumber() costs ten times as much.
local NUMBER = {}
for n = -256, 256 do
  NUMBER[n .. ''] = n
end

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

-- This Redis has less than what was acknowledged to the caller: a replica that was promoted before it
-- had received everything, or an empty server.
local function behind(has, wanted)
  return redis.error_reply('BEHIND ' .. text(has) .. ' ' .. text(wanted))
end

-- Likewise of tokens that were issued; its ballots may all be there.
local function behind_issued(has, wanted)
  return redis.error_reply('BEHIND ' .. text(has) .. ' ' .. text(wanted) .. ' issued')
end

-- A whole number as Redis writes it, or nil.
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

-- Phases as acts set them -> how far. Where it is above 0 the shard is latched: closed for good. ''
-- goes by the hours.
local PROGRESS = { [''] = 0, paused = 0, closed = 1, provisional = 2, certified = 3, corrected = 4 }

-- The fields of a rules record, in the order in which they are read here.
local function parse_rules(key, r)
  local prefix = string.match(key, '^(.*):rules$')
  if not prefix then
    return nil
  end
  local rules = {
    fields = r,
    log = prefix .. ':log', count = prefix .. ':count', issued = prefix .. ':issued',
    spent_bucket = prefix .. ':spent:', issued_bucket = prefix .. ':issued:',
    codes_bucket = prefix .. ':codes:', batches = prefix .. ':batches',
    opens = integer(r[2]), closes = integer(r[3]), shard = integer(r[4]), shards = integer(r[5]),
    buckets = integer(r[6]), revote = r[7], phase = r[8], version = integer(r[9]),
  }
  local progress = PROGRESS[rules.phase]
  rules.latched = progress and progress > 0
  if rules.opens and rules.closes and rules.shard and rules.shards and rules.buckets
      and progress and rules.version and rules.shard >= 0 and rules.shard < rules.shards
      and rules.buckets >= 1 then
    return rules
  end
end

-- Rules key -> what was parsed of it last; good for as long as not one field differs. Reading the
-- fields is cheap, parsing them is not.
local parsed_rules = {}

-- What RULESDIFFER says of keys that another version of tallyd has laid down.
local OTHER_LAYOUT = 'what another version of tallyd has stored'

-- The shard's rules, or nil and an error reply: absent, damaged, or not those with this hash.
local function rules_of(key, hash)
  local r = redis.pcall('HMGET', key, 'hash', 'opens', 'closes', 'shard', 'shards', 'buckets',
    'revote', 'phase', 'version', 'layout')
  if r.err then
    return nil, r
  end
  if r[1] ~= hash then
    return nil, differ(r[1] and hex(r[1]) or 'absent')
  end
  if r[10] ~= LAYOUT then
    return nil, differ(OTHER_LAYOUT)
  end
  local rules = parsed_rules[key]
  local f = rules and rules.fields
  if not (f and f[1] == r[1] and f[2] == r[2] and f[3] == r[3] and f[4] == r[4] and f[5] == r[5]
      and f[6] == r[6] and f[7] == r[7] and f[8] == r[8] and f[9] == r[9]) then
    rules = parse_rules(key, r)
    parsed_rules[key] = rules
  end
  if not rules then
    return nil, damaged(key)
  end
  return rules
end

-- nil while ballots are taken.
local function shut(rules, now)
  if rules.latched or (rules.closes > 0 and now >= rules.closes) then
    return 'closed'
  elseif rules.phase ~= '' then
    return 'paused'
  elseif now < rules.opens then
    return 'not-open'
  end
end

-- The bucket that holds these 16 bytes, or nil if they belong to another shard. `kind` is
-- rules.spent_bucket, rules.issued_bucket or rules.codes_bucket.
local function bucket_of(kind, rules, id)
  if #id ~= 16 or (rules.shards > 1 and u32(id, 1) % rules.shards ~= rules.shard) then
    return nil
  end
  return kind .. text(u32(id, 9) % rules.buckets)
end

---- the log ----

-- The index of an entry's first ballot and its packed ballots, or nil.
local function entry_of(e)
  local id = string.match(e[1], '^(%d+)%-0$')
  if id and e[2] and #e[2] == 2 and e[2][1] == 'b' then
    return id - 1, e[2][2]
  end
end

-- Each ballot is its token, its length, tag and packed ballot. The length is that of what follows it: one
-- byte below 128, else two, the first with the high bit set.

-- How many ballots are packed here, or nil.
local function count_packed(packed)
  local byte, at, n, len = string.byte, 1, 0, #packed
  while at + 16 <= len do
    local length, low = byte(packed, at + 16, at + 17)
    if length < 128 then
      at = at + 17 + length
    else
      at = at + 18 + (length - 128) * 256 + (low or len)
    end
    n = n + 1
  end
  return n > 0 and at == len + 1 and n or nil
end

-- Where in `packed` the ballot of the token at `at` begins, and where it ends; or nil.
local function bounds(packed, at)
  local length, low = string.byte(packed, at + 16, at + 17)
  if not length then
    return nil
  end
  local first = at + 17
  if length >= 128 then
    if not low then
      return nil
    end
    first, length = at + 18, (length - 128) * 256 + low
  end
  if first + length - 1 <= #packed then
    return first, first + length - 1
  end
end

-- How many ballots the log holds, derived from its last entry; or nil and an error reply.
local function log_size(key)
  -- '1', not 1: Redis takes microseconds to turn a number into text.
  local last = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', '1')
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
  local n = first and count_packed(packed)
  if not n then
    return nil, damaged(key)
  end
  return first + n
end

-- The same, where the log must have at least `least` ballots.
local function log_size_from(key, least)
  local size, err = log_size(key)
  if size and not (least and size >= least) then
    return nil, behind(size, least or 0)
  end
  return size, err
end

-- The token at this index of the log, and its ballot; nil where there is none.
local function logged(key, index)
  local r = redis.pcall('XREVRANGE', key, text(index + 1) .. '-0', '-', 'COUNT', '1')
  if r.err or not r[1] then
    return nil
  end
  local at, first, packed = 1, entry_of(r[1])
  if not first then
    return nil
  end
  for _ = first, index - 1 do
    local _, last = bounds(packed, at)
    if not last then
      return nil
    end
    at = last + 1
  end
  local begins, ends = bounds(packed, at)
  if not begins then
    return nil
  end
  return string.sub(packed, at, at + 15), string.sub(packed, begins, ends)
end

-- Whether the field of a bucket that is this token's is the other's as well: so few bytes may be alike.
local function share_field(rules, spent, other)
  return string.sub(spent, FIELD_AT) == string.sub(other, FIELD_AT)
    and u32(spent, 9) % rules.buckets == u32(other, 9) % rules.buckets
end

-- What a field of a bucket says of a token: index, replacements, ballot; false, where it speaks of other
-- tokens only; nil when it is damaged. `token_at(index)` gives token and ballot. The field only says
-- where to look: it is the whole token in the log that decides. One that is neither this token nor
-- another of the same field is not what was written, so nothing is concluded from it.
local function standing(value, rules, spent, token_at)
  if type(value) ~= 'string' then
    return nil
  end
  local at = 1
  repeat
    local digits, replacements, after = string.match(value, '^(%d+) ?(%d*)()', at)
    local more = digits and string.sub(value, after, after)
    if not digits or #digits > 15 or (more ~= ',' and more ~= '') then
      return nil
    end
    local index = tonumber(digits)
    local other, ballot = token_at(index)
    if other == spent then
      return index, tonumber(replacements) or 0, ballot
    elseif not other or not share_field(rules, spent, other) then
      return nil
    end
    at = after + 1
  until more == ''
  return false
end

---- casting ----

-- Length -> its bytes before a packed ballot: at most 32 Ki of them, in truth a few.
local LENGTH = {}
local LENGTH_MAX = 32767

local function length_of(ballot)
  local n = #ballot
  local bytes = LENGTH[n]
  if not bytes then
    bytes = n < 128 and string.char(n) or string.char(128 + math.floor(n / 256), n % 256)
    LENGTH[n] = bytes
  end
  return bytes
end

-- What a batch is to write, in the order of its accepted ballots. These arrays outlive the call, so
-- that they need not grow anew in each: only their first batch.accepted (or changed) places mean
-- anything.
local packed = {}       -- three places a ballot: token, length, ballot
local buckets = {}      -- where it is spent,
local fields = {}       -- under which name,
local values = {}       -- and with which value
local changed = {}      -- names of counters

-- Reads those of the counters args[first], args[first + 2] … that the batch has not met yet, and
-- 'ballots', which nearly every ballot needs. One that cannot be added to becomes false.
local function read_counters(batch, args, first, last)
  local value = batch.value
  local names = { 'ballots' }
  for i = first, last, 2 do
    if value[args[i]] == nil then
      names[#names + 1] = args[i]
    end
  end
  local stored = redis.pcall('HMGET', batch.count, unpack(names))
  for i = 1, #names do
    local now = stored[i]
    value[names[i]] = now == false and 0 or integer(now) or false
  end
end

-- Whether the increments args[first], args[first + 1] … can be added without fail.
local function counters_take(batch, args, first, last)
  local value, sum = batch.value, batch.sum
  for i = first, last, 2 do
    local name, by = args[i], NUMBER[args[i + 1]] or tonumber(args[i + 1])
    local stands = sum[name] or value[name]
    if stands == nil then
      read_counters(batch, args, i, last)
      stands = value[name]
    end
    if not (stands and by and by >= -STEP and by <= STEP) then
      return false
    end
    stands = stands + by
    if stands <= -EXACT or stands >= EXACT then
      return false
    end
  end
  return true
end

local function counter_add(batch, name, by)
  local sum = batch.sum
  local stands = sum[name]
  if not stands then
    stands = batch.value[name]
    batch.changed = batch.changed + 1
    changed[batch.changed] = name
  end
  sum[name] = stands + by
end

-- The value of a field with this item in place of that which has this index.
local function with_item(value, index, item)
  return (string.gsub(value, '[^,]+', function(one)
    return tonumber(string.match(one, '^%d+')) == index and item or one
  end))
end

local BALLOTS = { 'ballots', '1' }

-- The verdict on one ballot: args[at] and what follows it.
local function judge(batch, args, at, n)
  local rules, spent, bucket = batch.rules, args[at], batch.keys[NUMBER[args[at + 1]]]
  local ballot, replaces = args[at + 2], args[at + 3]
  if not bucket or bucket_of(rules.spent_bucket, rules, spent) ~= bucket or #ballot > LENGTH_MAX then
    return { 'differ' }
  end
  local field = string.sub(spent, FIELD_AT)
  local slot = bucket .. field
  local value = batch.slots[slot] or redis.pcall('HGET', bucket, field)
  local index, replaced, old
  if value then
    index, replaced, old = standing(value, rules, spent, batch.token_at)
    if index == nil then
      return { 'fault' }
    end
  end
  if index then
    if string.sub(old, TAG + 1) == string.sub(ballot, TAG + 1) then
      return { 'same', index, replaced }
    elseif replaces == '' or replaces ~= text(index) or rules.revote ~= 'replace' then
      return { 'spent', index, replaced, old }
    elseif replaced >= REPLACEMENTS_MAX then
      return { 'too-often', index, replaced, old }
    end
  elseif replaces ~= '' then
    return { 'never' }
  end
  if batch.closed then
    return { batch.closed }
  end
  local first, last = at + 5, at + 3 + 2 * n
  if not counters_take(batch, args, first, last)
      or not (index or counters_take(batch, BALLOTS, 1, 1)) then
    return { 'fault' }
  end

  -- Accepted.
  for i = first, last, 2 do
    counter_add(batch, args[i], NUMBER[args[i + 1]] or tonumber(args[i + 1]))
  end
  local place = batch.accepted + 1
  batch.accepted = place
  packed[3 * place - 2] = spent
  packed[3 * place - 1] = length_of(ballot)
  packed[3 * place] = ballot
  buckets[place], fields[place] = bucket, field
  local now = batch.size + place - 1
  local item = text(now)
  if index then
    item = with_item(value, index, item .. ' ' .. text(replaced + 1))
  elseif value then
    item = value .. ',' .. item
  end
  batch.slots[slot], values[place] = item, item
  if index then
    return { 'replaced', now, replaced + 1 }
  end
  counter_add(batch, 'ballots', 1)
  return now
end

-- Nil, or the error reply of the first write.
local function write(batch)
  -- Refused where the stream's last ID is above its last entry: someone deleted from the log.
  local added = redis.pcall('XADD', batch.rules.log, text(batch.size + 1) .. '-0',
    'b', table.concat(packed, '', 1, 3 * batch.accepted))
  if type(added) == 'table' and added.err then
    return added
  end
  local call = redis.call
  for i = 1, batch.accepted do
    call('HSET', buckets[i], fields[i], values[i])
  end
  local sums, n = {}, 0
  for i = 1, batch.changed do
    local name = changed[i]
    sums[n + 1], sums[n + 2] = name, text(batch.sum[name])
    n = n + 2
    if n == HSET_MAX or i == batch.changed then
      call('HSET', batch.count, unpack(sums, 1, n))
      n = 0
    end
  end
end

-- KEYS rules, log, count, then the distinct spent buckets.
-- ARGV rules hash, the least size of the log that is known to the caller, then per ballot: spent, number of its key, tag and packed ballot, index of the
--      ballot it replaces or '', number of increments, and per increment: counter, by.
-- Answers {clock in ms, one verdict a ballot}: an integer is the index at which it is counted now;
--      else {word} or {word, index, replacements[, ballot]}.
local function cast(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  if keys[2] ~= rules.log or keys[3] ~= rules.count then
    return differ('keys')
  end
  local size
  size, err = log_size_from(keys[2], tonumber(args[2]))
  if not size then
    return err
  end
  local now = now_ms()
  local batch = {
    rules = rules, keys = keys, count = keys[3], closed = shut(rules, now), size = size,
    accepted = 0, changed = 0, slots = {}, value = {}, sum = {},
  }
  batch.token_at = function(index)
    local place = index - size + 1
    if place < 1 then
      return logged(keys[2], index)
    elseif place <= batch.accepted then
      return packed[3 * place - 2], packed[3 * place]
    end
  end
  local reply, ballots = { now, 0 }, 1
  local at, last = 3, #args
  while at <= last do
    local n = NUMBER[args[at + 4]]
    if not n or n < 0 or at + 4 + 2 * n > last then
      return redis.error_reply('ERR malformed call')
    end
    ballots = ballots + 1
    reply[ballots] = judge(batch, args, at, n)
    at = at + 5 + 2 * n
  end
  if batch.accepted > 0 then
    err = write(batch)
    if err then
      return err
    end
  end
  return reply
end

-- KEYS rules, log, spent bucket. ARGV rules hash, spent, the least size of the log.
-- Answers {index, replacements, tag and ballot}, nil, or an error.
local function find_ballot(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  if bucket_of(rules.spent_bucket, rules, args[2]) ~= keys[3] then
    return differ('keys')
  end
  local size
  size, err = log_size_from(keys[2], tonumber(args[3]))
  if not size then
    return err
  end
  local value = redis.pcall('HGET', keys[3], string.sub(args[2], FIELD_AT))
  if not value then
    return nil
  end
  local index, replacements, ballot = standing(value, rules, args[2], function(i)
    return logged(keys[2], i)
  end)
  if index == nil then
    return damaged(keys[3])
  elseif not index then
    return nil
  end
  return { index, replacements, ballot }
end

---- issuing ----

-- An issued bucket is one string of records, identity (16) and hash of the blinded message (32), sorted
-- by identity: it does not tell in which order they came.
local RECORD = 48

-- Whether the n-th record, from 0, comes before this identity's.
local function precedes(records, n, identity)
  for i = 1, 16 do
    local a, b = string.byte(records, n * RECORD + i), string.byte(identity, i)
    if a ~= b then
      return a < b
    end
  end
  return false
end

-- The offset of the identity's record, or of where it belongs; and the hash of its blinded message.
local function find_record(records, identity)
  local low, high = 0, #records / RECORD
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(records, middle, identity) then
      low = middle + 1
    else
      high = middle
    end
  end
  local at = low * RECORD
  if string.sub(records, at + 1, at + 16) == identity then
    return at, string.sub(records, at + 17, at + RECORD)
  end
  return at
end

-- The records of an issued bucket, or nil and an error reply. That a token is given out once rests on
-- their order, so it is looked at every time.
local function records_of(key)
  local records = redis.pcall('GET', key) or ''
  if type(records) ~= 'string' or #records % RECORD ~= 0 then
    return nil, damaged(key)
  end
  for n = 1, #records / RECORD - 1 do
    if not precedes(records, n - 1, string.sub(records, n * RECORD + 1, n * RECORD + 16)) then
      return nil, damaged(key)
    end
  end
  return records
end

-- A counter of S:batches as it stands, or nil and an error reply.
local function batch_counter(key, field)
  local value = integer(redis.pcall('HGET', key, field) or '0')
  if not value then
    return nil, damaged(key)
  end
  return value
end

-- What a code's identity is worth: the number of its batch, negative where it was revoked; 0: there is
-- no such code. Or nil and an error reply.
local function batch_of(codes, identity)
  local value = redis.pcall('HGET', codes, identity)
  if not value then
    return 0
  end
  local batch = integer(value)
  if not batch then
    return nil, damaged(codes)
  end
  return batch
end

-- Whether a code's identity may have a token: its batch, or nil and the answer.
local function admit(codes, batches, identity)
  local batch, err = batch_of(codes, identity)
  if not batch then
    return nil, err
  end
  if batch == 0 then
    return nil, redis.status_reply('unknown')
  end
  local off, counted
  off, err = batch_counter(batches, batch .. ' off')
  if not off then
    return nil, err
  end
  if batch < 0 or off ~= 0 then
    return nil, redis.status_reply('revoked')
  end
  counted, err = batch_counter(batches, batch .. ' issued')
  if not counted then
    return nil, err
  end
  return batch
end

-- KEYS rules, issued bucket, issued, and where codes admit: codes bucket, batches.
-- ARGV rules hash, identity, hash of the blinded message, the least count of issued tokens that is known
-- to the caller.
-- Answers {new or same, how many are issued}; other, not-open, paused or closed; unknown or revoked.
local function issue(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local identity, blinded = args[2], args[3]
  local by_code = redis.call('HGET', keys[1], 'admission') == 'codes'
  if bucket_of(rules.issued_bucket, rules, identity) ~= keys[2] or keys[3] ~= rules.issued
      or #blinded ~= 32
      or by_code and (bucket_of(rules.codes_bucket, rules, identity) ~= keys[4] or keys[5] ~= rules.batches) then
    return differ('keys')
  end
  local records
  records, err = records_of(keys[2])
  if not records then
    return err
  end
  local issued, least = integer(redis.pcall('GET', keys[3]) or '0'), integer(args[4])
  if not issued then
    return damaged(keys[3])
  elseif not (least and issued >= least) then
    return behind_issued(issued, least or 0)
  end
  local at, before = find_record(records, identity)
  if before == blinded then
    return { redis.status_reply('same'), issued }
  elseif before then
    return redis.status_reply('other')
  end
  local batch
  if by_code then
    batch, err = admit(keys[4], keys[5], identity)
    if not batch then
      return err
    end
  end
  local closed = shut(rules, now_ms())
  if closed then
    return redis.status_reply(closed)
  end
  redis.call('SET', keys[2],
    string.sub(records, 1, at) .. identity .. blinded .. string.sub(records, at + 1))
  redis.call('INCR', keys[3])
  if batch then
    redis.call('HINCRBY', keys[5], batch .. ' issued', 1)
  end
  return { redis.status_reply('new'), issued + 1 }
end

---- invitation codes ----

-- KEYS rules, codes bucket, batches. ARGV rules hash, batch, identities.
-- Enters codes; those that are there already stay as they are. Answers with how many are new.
local function enter(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local batch = integer(args[2])
  if not batch or batch < 1 or keys[3] ~= rules.batches then
    return differ('keys')
  end
  local made
  made, err = batch_counter(keys[3], batch .. ' made')
  if not made then
    return err
  end
  local new = {}
  for i = 3, #args do
    local stands
    if bucket_of(rules.codes_bucket, rules, args[i]) ~= keys[2] then
      return differ('keys')
    end
    stands, err = batch_of(keys[2], args[i])
    if not stands then
      return err
    end
    if stands == 0 then
      new[#new + 1] = args[i]
    end
  end
  if #new > 0 then
    for _, identity in ipairs(new) do
      redis.call('HSET', keys[2], identity, batch)
    end
    redis.call('HINCRBY', keys[3], batch .. ' made', #new)
  end
  return #new
end

-- KEYS rules, codes bucket, issued bucket, batches. ARGV rules hash, identity.
-- Answers revoked, same (it was), used (its token is out), or unknown.
local function revoke(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local identity = args[2]
  if bucket_of(rules.codes_bucket, rules, identity) ~= keys[2]
      or bucket_of(rules.issued_bucket, rules, identity) ~= keys[3] or keys[4] ~= rules.batches then
    return differ('keys')
  end
  local records, batch, revoked
  records, err = records_of(keys[3])
  if not records then
    return err
  end
  batch, err = batch_of(keys[2], identity)
  if not batch then
    return err
  end
  local _, used = find_record(records, identity)
  if batch <= 0 or used then
    return redis.status_reply(batch == 0 and 'unknown' or used and 'used' or 'same')
  end
  revoked, err = batch_counter(keys[4], batch .. ' revoked')
  if not revoked then
    return err
  end
  redis.call('HSET', keys[2], identity, -batch)
  redis.call('HINCRBY', keys[4], batch .. ' revoked', 1)
  return redis.status_reply('revoked')
end

-- KEYS rules, batches. ARGV rules hash, batch. All codes of it, those that are entered later as well.
-- Answers revoked, or same (it was).
local function revoke_batch(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local batch = integer(args[2])
  if not batch or batch < 1 or keys[2] ~= rules.batches then
    return differ('keys')
  end
  local off
  off, err = batch_counter(keys[2], batch .. ' off')
  if not off then
    return err
  end
  if off ~= 0 then
    return redis.status_reply('same')
  end
  redis.call('HSET', keys[2], batch .. ' off', '1')
  return redis.status_reply('revoked')
end

---- reading ----

-- KEYS rules, log, count, issued. ARGV rules hash, the least size of the log.
-- Answers {clock in ms, phase, version, size of the log, issued, {counter, value, …}, opens, closes}.
local function read(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  local size
  size, err = log_size_from(keys[2], tonumber(args[2]))
  if not size then
    return err
  end
  if rules.latched and redis.call('HGET', keys[1], 'size') ~= text(size) then
    return damaged(keys[2]) -- ballots came or went after the close
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
  local phase = rules.latched and rules.phase or shut(rules, now) or 'open'
  if phase == 'not-open' then
    phase = 'announced'
  end
  return { now, phase, rules.version, size, integer(issued), counts, rules.opens, rules.closes }
end

---- acts ----

-- KEYS rules, log. ARGV rules hash, version, phase, opens, closes, the least size of the log.
-- Carries the contest's record to this shard. Answers applied; same, where this version or a newer
-- one has been; or further: a latched shard does not go back, nor does a close come nearer.
local function apply(keys, args)
  local rules, err = rules_of(keys[1], args[1])
  if not rules then
    return err
  end
  if keys[2] ~= rules.log then
    return differ('keys')
  end
  local version, phase, opens, closes = integer(args[2]), args[3], integer(args[4]), integer(args[5])
  local progress = PROGRESS[phase]
  if not (version and progress and opens and closes) then
    return redis.error_reply('ERR malformed call')
  end
  if version <= rules.version then
    return redis.status_reply('same')
  end
  if progress < PROGRESS[rules.phase] or (progress == 0 and closes > 0 and closes < rules.closes) then
    return redis.status_reply('further')
  end
  if rules.latched then -- the hours are history
    redis.call('HSET', keys[1], 'version', args[2], 'phase', phase)
    return redis.status_reply('applied')
  end
  if progress == 0 then
    redis.call('HSET', keys[1], 'version', args[2], 'phase', phase, 'opens', args[4],
      'closes', args[5])
    return redis.status_reply('applied')
  end
  local size
  size, err = log_size_from(keys[2], tonumber(args[6]))
  if not size then
    return err
  end
  redis.call('HSET', keys[1], 'version', args[2], 'phase', phase, 'opens', args[4],
    'closes', args[5], 'size', text(size))
  return redis.status_reply('applied')
end

---- the rules record ----

-- Whether a shard lacks what was acknowledged: it has fewer ballots, or other ones, or fewer tokens
-- issued. `spent` is the token of the ballot at own - 1. What is damaged, whoever reads it is told.
local function lacks(log, least, issued_key, least_issued, own, spent)
  local size, issued = log_size(log), integer(redis.pcall('GET', issued_key) or '0')
  if size and (size < least or own > 0 and logged(log, own - 1) ~= spent) then
    return behind(size, least)
  elseif issued and issued < least_issued then
    return behind_issued(issued, least_issued)
  end
end

-- KEYS rules, log, issued, batches. ARGV record, hash, opens, closes, shard, shards, buckets, revote,
-- admission, "replace" or "look", "new" or "known": whether there must be rules already; the least size
-- of the log, and the least count of issued tokens, that are known; a size that the caller itself has
-- acknowledged, and the token of the last ballot then (0 and nothing: it has not).
-- Rules are frozen at opening; those of a rehearsal, which has no hours, by its first token or
-- ballot; where invitation codes lie is frozen by the first of them. The phase outlives a
-- replacement; the version begins anew, so that the record's amended hours are applied to the new
-- rules as well. Who looks replaces nothing: a host replaces in all shards or in none. Rules that are
-- gone are not laid down anew: with them ballots are gone that were acknowledged.
-- Answers same, new, replaced, or replaceable with the hash that stands there.
local function open(keys, args)
  local stored = redis.pcall('HMGET', keys[1], 'hash', 'opens', 'phase', 'shards', 'buckets', 'admission',
    'layout')
  if stored.err then
    return stored
  end
  local hash, ours = stored[1], stored[7] == LAYOUT
  if hash == args[2] and ours then
    return lacks(keys[2], tonumber(args[12]), keys[3], tonumber(args[13]), tonumber(args[14]), args[15])
      or redis.status_reply('same')
  elseif not hash and args[11] ~= 'new' then
    return behind(0, 0)
  end
  for _, command in ipairs({ 'XADD', 'HSET', 'INCR' }) do
    if not redis.acl_check_cmd(command, keys[1], 'a', 'b', 'c') then
      return redis.error_reply('NOPERM this user may not run ' .. command)
    end
  end
  if hash then
    local opens = integer(stored[2])
    if not opens
        or redis.call('EXISTS', keys[2]) == 1
        or (redis.pcall('GET', keys[3]) or '0') ~= '0'
        or (opens > 0 and now_ms() >= opens)
        or (redis.call('EXISTS', keys[4]) == 1
          and not (stored[4] == args[6] and stored[5] == args[7] and stored[6] == args[9])) then
      return differ(ours and hex(hash) or OTHER_LAYOUT)
    end
    if args[10] ~= 'replace' then
      return redis.status_reply('replaceable ' .. hex(hash))
    end
  end
  redis.call('HSET', keys[1], 'record', args[1], 'hash', args[2], 'opens', args[3],
    'closes', args[4], 'shard', args[5], 'shards', args[6], 'buckets', args[7], 'revote', args[8],
    'admission', args[9], 'phase', stored[3] or '', 'version', '0', 'layout', LAYOUT)
  return redis.status_reply(hash and 'replaced' or 'new')
end

---- the published snapshot ----

-- KEYS published. ARGV text, and the one that stood there when the caller looked, or ''. Only that one is
-- replaced: where another stands by now, somebody was quicker. Answers with what stands then.
local function publish(keys, args)
  local stands = redis.pcall('GET', keys[1])
  if type(stands) == 'table' then
    return stands
  end
  if stands and stands ~= args[2] then
    return stands
  end
  redis.call('SET', keys[1], args[1])
  return args[1]
end

redis.register_function('apply_5', apply)
redis.register_function('cast_5', cast)
redis.register_function('enter_5', enter)
redis.register_function('issue_5', issue)
redis.register_function('open_5', open)
redis.register_function('publish_5', publish)
redis.register_function('revoke_5', revoke)
redis.register_function('revoke_batch_5', revoke_batch)
redis.register_function { function_name = 'find_5', callback = find_ballot, flags = { 'no-writes' } }
redis.register_function { function_name = 'read_5', callback = read, flags = { 'no-writes' } }
