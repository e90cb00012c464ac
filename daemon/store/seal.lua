#!lua name=tallyd_seal_4

-- Who signs a shard's log, and what was signed last. Keys and their contents: daemon/store/seal.h,
-- and daemon/store/ledger.h for the shard's own.
--
-- As in ballot.lua: all is read and type-checked first; the first write is the one that Redis itself
-- could still refuse, and nothing after it can fail. So an error reply always means that nothing was
-- written. And as there, a change of this file is a library of the next number.
--
-- The lease keeps two hosts from working at the same time; it alone makes nothing safe. What does: a
-- checkpoint takes the place only of the one that its signer knew, under the lease's own number (fence),
-- which no older holder has.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- No host takes a lease for longer (ballot_log.lease in tallyd.yaml). One that ends later was taken while
-- the clock was ahead: waiting for its end, nobody would seal for as long as it was.
local LEASE_MAX = 60000

local function text(n)
  return string.format('%d', n)
end

local function damaged(what)
  return redis.error_reply('DAMAGED ' .. what)
end

-- A whole number as Redis writes it, or nil.
local function integer(value)
  if value == '0' or (type(value) == 'string' and #value <= 15 and string.find(value, '^[1-9]%d*$')) then
    return tonumber(value)
  end
end

---- the shard's own keys, which ballot.lua writes ----

local LAYOUT = '5' -- as there

-- How many ballots the log holds, derived from its last entry; or nil and an error reply.
local function log_size(key)
  local last = redis.pcall('XREVRANGE', key, '+', '-', 'COUNT', '1')
  if last.err then
    return nil, last
  end
  if not last[1] then
    -- Emptied, not empty: ballots were there.
    if redis.call('EXISTS', key) == 1 then
      return nil, damaged(key)
    end
    return 0
  end
  local id, e = string.match(last[1][1], '^([1-9]%d*)%-0$'), last[1][2]
  if not id or not e or #e ~= 2 or e[1] ~= 'b' then
    return nil, damaged(key)
  end
  local byte, packed, at, n = string.byte, e[2], 1, 0
  while at + 16 <= #packed do
    local length, low = byte(packed, at + 16, at + 17)
    if length < 128 then
      at = at + 17 + length
    else
      at = at + 18 + (length - 128) * 256 + (low or #packed)
    end
    n = n + 1
  end
  if n == 0 or at ~= #packed + 1 then
    return nil, damaged(key)
  end
  return id - 1 + n
end

-- Phases from which on a shard is latched: closed for good.
local LATCHED = { closed = true, provisional = true, certified = true, corrected = true }

---- the seal ----

-- What stands, or nil and an error reply.
local function seal_of(key)
  local r = redis.pcall('HMGET', key, 'epoch', 'size', 'fence', 'until', 'holder', 'halt', 'late')
  if r.err then
    return nil, r
  end
  local seal = {
    epoch = integer(r[1] or '1'), size = integer(r[2] or '0'), fence = integer(r[3] or '0'),
    ends = integer(r[4] or '0'), holder = r[5], halt = r[6], late = integer(r[7] or '0'),
  }
  if not (seal.epoch and seal.epoch >= 1 and seal.size and seal.fence and seal.ends and seal.late) then
    return nil, damaged(key)
  end
  if seal.ends - now_ms() > LEASE_MAX then
    seal.ends = 0
  end
  return seal
end

local function may_write(key, ...)
  for _, command in ipairs({ ... }) do
    if not redis.acl_check_cmd(command, key, 'a', 'b') then
      return false, redis.error_reply('NOPERM this user may not run ' .. command)
    end
  end
  return true
end

-- Answers {clock in ms, size of the log, latched (1 or 0), latched size, issued, epoch, size, fence
-- (0: not ours), end of the lease that stood, since when ballots wait too long (0: they do not), then checkpoint, issued note, statement, halt, holder of
-- that lease, hash of the rules, each '' where there is none}; nil, where the shard has not been opened; or an error.
local function view(keys, fence, seal)
  local rules = redis.pcall('HMGET', keys[1], 'hash', 'phase', 'size', 'layout')
  if rules.err then
    return rules
  end
  if not rules[1] then
    return nil
  elseif rules[4] ~= LAYOUT then
    return damaged(keys[1])
  end
  local size, err = log_size(keys[2])
  if not size then
    return err
  end
  local issued = redis.pcall('GET', keys[3]) or '0'
  if not integer(issued) then
    return damaged(keys[3])
  end
  local latched, latched_size = LATCHED[rules[2]], 0
  if latched then
    latched_size = integer(rules[3])
    if not latched_size then
      return damaged(keys[1])
    end
  end
  local notes = redis.call('HMGET', keys[4], 'checkpoint', 'issued', 'statement')
  return { now_ms(), size, latched and 1 or 0, latched_size, integer(issued), seal.epoch, seal.size,
    fence, seal.ends, seal.late, notes[1] or '', notes[2] or '', notes[3] or '', seal.halt or '', seal.holder or '', rules[1] }
end

-- KEYS rules, log, issued, seal.
local function look(keys)
  local seal, err = seal_of(keys[4])
  if not seal then
    return err
  end
  return view(keys, 0, seal)
end

-- KEYS rules, log, issued, seal. ARGV holder, length of the lease in ms.
local function lease(keys, args)
  local holder, length = args[1], integer(args[2])
  local seal, err = seal_of(keys[4])
  if not seal then
    return err
  end
  if not length or length == 0 or holder == '' then
    return redis.error_reply('ERR malformed call')
  end
  local now = now_ms()
  local ours = seal.holder == holder and now < seal.ends
  if not ours and now < seal.ends then
    return view(keys, 0, seal)
  end
  local fence = ours and seal.fence or seal.fence + 1
  local reply = view(keys, fence, seal)
  if not reply or reply.err then
    return reply
  end
  -- Renewed only now and then, since each time is a write to the append-only file.
  if not ours or (seal.ends - now) * 3 < length * 2 then
    local wrote = redis.pcall('HSET', keys[4], 'holder', holder, 'fence', text(fence), 'until',
      text(now + length))
    if type(wrote) == 'table' and wrote.err then
      return wrote
    end
  end
  return reply
end

-- KEYS log, seal. ARGV fence, epoch, size of the checkpoint that stands, size, checkpoint, issued note.
-- Answers stored, halted, lost, moved, or short.
local function store(keys, args)
  local seal, err = seal_of(keys[2])
  if not seal then
    return err
  end
  local fence, epoch, old, new = integer(args[1]), integer(args[2]), integer(args[3]), integer(args[4])
  if not (fence and epoch and old and new) or new < old or args[5] == '' or args[6] == '' then
    return redis.error_reply('ERR malformed call')
  end
  if seal.halt then
    return redis.status_reply('halted')
  elseif fence ~= seal.fence or now_ms() >= seal.ends then
    return redis.status_reply('lost')
  elseif epoch ~= seal.epoch or old ~= seal.size then
    return redis.status_reply('moved')
  end
  local size, may
  size, err = log_size(keys[1])
  if not size then
    return err
  elseif size < new then
    return redis.status_reply('short')
  end
  may, err = may_write(keys[2], 'HSET', 'HDEL')
  if not may then
    return err
  end
  redis.call('HSET', keys[2], 'epoch', args[2], 'size', args[4], 'checkpoint', args[5], 'issued', args[6])
  redis.call('HDEL', keys[2], 'late')
  return redis.status_reply('stored')
end

-- KEYS seal. ARGV epoch, why.
-- Answers stored, halted (before, for another reason), or moved.
local function halt(keys, args)
  local seal, err = seal_of(keys[1])
  if not seal then
    return err
  end
  local epoch = integer(args[1])
  if not epoch or args[2] == '' then
    return redis.error_reply('ERR malformed call')
  end
  if epoch ~= seal.epoch then
    return redis.status_reply('moved')
  elseif seal.halt then
    return redis.status_reply('halted')
  end
  redis.call('HSET', keys[1], 'halt', args[2])
  return redis.status_reply('stored')
end

-- KEYS seal. ARGV epoch, statement.
-- Answers stored or moved (that or a later one has begun). The lease stays as it is.
local function begin(keys, args)
  local seal, err = seal_of(keys[1])
  if not seal then
    return err
  end
  local epoch, may = integer(args[1]), nil
  if not epoch or args[2] == '' then
    return redis.error_reply('ERR malformed call')
  end
  if epoch <= seal.epoch then
    return redis.status_reply('moved')
  end
  may, err = may_write(keys[1], 'HSET', 'HDEL')
  if not may then
    return err
  end
  redis.call('HSET', keys[1], 'epoch', args[1], 'size', '0', 'statement', args[2])
  redis.call('HDEL', keys[1], 'checkpoint', 'issued', 'halt', 'late')
  return redis.status_reply('stored')
end

-- KEYS seal. ARGV the record's epoch, the one that stands.
-- Answers stored, or moved (another one stands, or nothing has halted). The halt stays.
local function rewind(keys, args)
  local seal, err = seal_of(keys[1])
  if not seal then
    return err
  end
  local epoch, from, may = integer(args[1]), integer(args[2]), nil
  if not epoch or not from or epoch < 1 or epoch >= from then
    return redis.error_reply('ERR malformed call')
  end
  if from ~= seal.epoch or not seal.halt then
    return redis.status_reply('moved')
  end
  may, err = may_write(keys[1], 'HSET', 'HDEL')
  if not may then
    return err
  end
  redis.call('HSET', keys[1], 'epoch', args[1], 'size', '0')
  redis.call('HDEL', keys[1], 'checkpoint', 'issued', 'statement', 'late')
  return redis.status_reply('stored')
end

-- KEYS seal. ARGV how long a ballot has waited, in ms, and ''.
-- Answers stored; the first host's word stands until the next checkpoint.
local function late(keys, args)
  local seal, err = seal_of(keys[1])
  if not seal then
    return err
  end
  local waited = integer(args[1])
  if not waited then
    return redis.error_reply('ERR malformed call')
  end
  if seal.late == 0 then
    redis.call('HSET', keys[1], 'late', text(now_ms() - waited))
  end
  return redis.status_reply('stored')
end

-- KEYS seal. ARGV fence. Answers stored, or lost.
local function leave(keys, args)
  local seal, err = seal_of(keys[1])
  if not seal then
    return err
  end
  if text(seal.fence) ~= args[1] then
    return redis.status_reply('lost')
  end
  redis.call('HSET', keys[1], 'until', '0')
  return redis.status_reply('stored')
end

redis.register_function('seal_begin_4', begin)
redis.register_function('seal_halt_4', halt)
redis.register_function('seal_late_4', late)
redis.register_function('seal_lease_4', lease)
redis.register_function('seal_leave_4', leave)
redis.register_function('seal_rewind_4', rewind)
redis.register_function('seal_store_4', store)
redis.register_function { function_name = 'seal_look_4', callback = look, flags = { 'no-writes' } }
