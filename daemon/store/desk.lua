#!lua name=tallyd_desk_1

-- The desk of a contest round: what is asked for at one moment, and a change with its entry of the
-- audit log, written together or not at all. Keys and their contents: daemon/store/desk.h.
--
-- As in ballot.lua: all is read and type-checked first; the first write is the one that Redis itself
-- could still refuse, and nothing after it can fail. So an error reply always means that nothing was
-- written. And as there, a change of this file is a library of the next number.

local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
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

---- reading ----

-- The names and values of those of these fields that are there, or an error reply.
local function some(key, fields)
  local values = redis.pcall('HMGET', key, unpack(fields))
  if values.err then
    return values
  end
  local found, n = {}, 0
  for i = 1, #fields do
    if values[i] then
      found[n + 1], found[n + 2] = fields[i], values[i]
      n = n + 2
    end
  end
  return found
end

-- KEYS record, then the hashes asked for. ARGV per hash: how many fields, 0 for all, and the fields.
-- Answers {clock in ms, {field, value, …} of the record, and of each hash}.
local function read(keys, args)
  local record = redis.pcall('HGETALL', keys[1])
  if record.err then
    return record
  end
  local reply, at = { now_ms(), record }, 1
  for i = 2, #keys do
    local n = tonumber(args[at])
    local found
    if n == 0 then
      found = redis.pcall('HGETALL', keys[i])
    else
      local fields = {}
      for j = 1, n do
        fields[j] = args[at + j]
      end
      found = some(keys[i], fields)
    end
    if found.err then
      return found
    end
    reply[i + 1] = found
    at = at + 1 + n
  end
  return reply
end

---- writing ----

-- Whether the audit log holds the entries 1 to n, so that the next one is ours to number.
local function ends_at(key, n)
  if n == 0 then
    return redis.call('EXISTS', key) == 0
  end
  local info = redis.pcall('XINFO', 'STREAM', key)
  if info.err then
    return false
  end
  local last = string.format('%d-0', n)
  local length, generated, entry
  for i = 1, #info, 2 do
    if info[i] == 'length' then
      length = info[i + 1]
    elseif info[i] == 'last-generated-id' then
      generated = info[i + 1]
    elseif info[i] == 'last-entry' then
      entry = info[i + 1]
    end
  end
  return length == n and generated == last and type(entry) == 'table' and entry[1] == last
end

-- KEYS record, audit, revisions, then the hashes changed.
-- ARGV n and head of the log that the decision rests on ('' where there is none), the clock below
--      which it holds (0: any), the entry, its hash, 1 if the version grows, and of a revision:
--      person ('': none), sheet, salt; then per field: number of its key, set or unset, field, value.
-- Answers written, moved (the log has), or late.
local function write(keys, args)
  local record = redis.pcall('HMGET', keys[1], 'n', 'head', 'version')
  if record.err then
    return record
  end
  local n, version = integer(record[1] or '0'), integer(record[3] or '0')
  if not n or not version then
    return damaged(keys[1])
  end
  if (record[1] or '0') ~= args[1] or (record[2] or '') ~= args[2] then
    return redis.status_reply('moved')
  end
  local before = tonumber(args[3])
  if before > 0 and now_ms() >= before then
    return redis.status_reply('late')
  end
  if not ends_at(keys[2], n) then
    return damaged(keys[2])
  end
  for i = 4, #keys do
    local kind = redis.call('TYPE', keys[i]).ok
    if kind ~= 'hash' and kind ~= 'none' then
      return damaged(keys[i])
    end
  end
  local last = #args
  if (last - 9) % 4 ~= 0 then
    return redis.error_reply('ERR malformed call')
  end
  for i = 10, last, 4 do
    if not keys[tonumber(args[i])] or (args[i + 1] ~= 'set' and args[i + 1] ~= 'unset') then
      return redis.error_reply('ERR malformed call')
    end
  end
  for _, command in ipairs({ 'XADD', 'HSET', 'HDEL' }) do
    if not redis.acl_check_cmd(command, keys[1], 'a', 'b', 'c') then
      return redis.error_reply('NOPERM this user may not run ' .. command)
    end
  end

  local id = string.format('%d-0', n + 1)
  if args[7] ~= '' then
    -- The first write. Refused where the stream has an ID beyond the log's, or the key is no stream.
    local added = redis.pcall('XADD', keys[3], id, 'e', args[7], 's', args[8], 'k', args[9])
    if type(added) == 'table' and added.err then
      return damaged(keys[3])
    end
  end
  redis.call('XADD', keys[2], id, 'j', args[4])
  for i = 10, last, 4 do
    local key = keys[tonumber(args[i])]
    if args[i + 1] == 'set' then
      redis.call('HSET', key, args[i + 2], args[i + 3])
    else
      redis.call('HDEL', key, args[i + 2])
    end
  end
  if args[6] == '1' then
    version = version + 1
  end
  redis.call('HSET', keys[1], 'n', string.format('%d', n + 1), 'head', args[5],
    'version', string.format('%d', version))
  return redis.status_reply('written')
end

---- turnout ----

-- KEYS turnout. ARGV minute, counters. Answers 1 where that minute had none yet.
local function sample(keys, args)
  return redis.pcall('HSETNX', keys[1], args[1], args[2])
end

redis.register_function('desk_write_1', write)
redis.register_function('desk_sample_1', sample)
redis.register_function { function_name = 'desk_read_1', callback = read, flags = { 'no-writes' } }
