import { createHash } from 'node:crypto'

// What an inbox does in Redis, one script a step: each reads and writes one key, so that it is
// atomic and belongs to one node of a cluster. A key holds
//
//   running <token> <ends> <takeover> <owner>   a run applies the event, until `ends` at least
//   free <token>                                 the event may be claimed
//   free <token> 1                               the same, and the next run takes over
//   <token>                                      applied. Redis keeps a bare integer in 16 bytes
//
// The lease is in the value, and the key lives for the whole retention: if the key ended with the
// lease, its token and the fact that a run had begun would go with it.
//
// Takeover: once a run began and neither succeeded nor failed, every later run learns so until one
// succeeds. So only "applied" ends the flag; a run that fails, or a claim that is given back before
// its run began, leaves the flag as it was.
//
// All times are Redis's own, in microseconds since 1970. A token is the time of the claim, or one
// more than the last token where that is higher: it rises even when Redis has forgotten the key,
// after a failover say. A run that regains a key puts a new token on it as well, and goes on with the
// one of its claim: `free <token>` says whose release it was.

/** A script and the name under which Redis remembers it. */
export interface Script {
  readonly source: string
  readonly sha1: string
}

/**
 * ARGV: owner, retention (ms), token, takeover, lease (ms). `nextTakeover` is 1 if the next run takes
 * over.
 */
const READ = `
local value = redis.call('GET', KEYS[1]) or 'free 0'
local done = string.match(value, '^%d+$')
local free, kept = string.match(value, '^free (%d+) ?(1?)$')
local token, ends, takeover, owner = string.match(value, '^running (%d+) (%d+) ([01]) (%S+)$')
if not (done or free or owner) then
  return redis.error_reply('FOREIGNVALUE The key holds something else.')
end
local isMine = owner == ARGV[1]
local last = tonumber(done or free or token)
local nextTakeover = (kept == '1' or takeover == '1' or (owner and not isMine)) and 1 or 0
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
local function running(token, takeover, leaseMs)
  return string.format('running %.0f %.0f %d %s', token, now() + leaseMs * 1000, takeover, ARGV[1])
end
`

/**
 * Whether an owner that does not hold the key may have it back. It may while no lease holds: its
 * work has begun, and whether another run began and ended meanwhile does not undo that. Not after
 * its own release: that is a command which arrives late.
 */
const VACANT = `
local function isVacant()
  if free then return free ~= ARGV[3] end
  return tonumber(ends) <= now()
end
local isRegained = not isMine and last > tonumber(ARGV[3])
`

/**
 * Overwrites a key when Redis is out of memory too: the value grows no larger, and an applied key
 * whose completion could not be written would be applied again. Redis refuses commands that need memory as the
 * first write of a script only (`scriptVerifyOOM` in its script.c), and PEXPIRE needs none.
 */
const OVERWRITE = `
local function overwrite(value)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
end
`

/**
 * → {0, 0} applied before · {-1, 0} held by another owner · {1, token} claimed · {2, token} taken
 * over. The same owner gets the same answer again: clients send a command twice when its answer was
 * lost.
 */
export const CLAIM: Script = script(`${READ}
if done then return { 0, 0 } end
if isMine then return { 1 + nextTakeover, last } end
local claimedAt = now()
if owner and tonumber(ends) > claimedAt then return { -1, 0 } end
local nextToken = math.max(claimedAt, last + 1)
redis.call('SET', KEYS[1], running(nextToken, nextTakeover, ARGV[5]), 'PX', ARGV[2])
return { 1 + nextTakeover, nextToken }`)

/**
 * → 1 extended, also when the lease was over or Redis had forgotten the key · 2 regained, after
 * another owner had it · 0 lost. A value that would grow is written as a claim is: not when Redis is
 * out of memory.
 */
export const RENEW: Script = script(`${READ}${VACANT}${OVERWRITE}
if isMine then
  overwrite(running(last, nextTakeover, ARGV[5]))
  return 1
end
if done or not isVacant() then return 0 end
local nextToken = isRegained and last + 1 or tonumber(ARGV[3])
local isTakeover = math.max(nextTakeover, tonumber(ARGV[4]))
redis.call('SET', KEYS[1], running(nextToken, isTakeover, ARGV[5]), 'PX', ARGV[2])
return isRegained and 2 or 1`)

/**
 * → 1 completed by us, now or before · 2 completed, and another owner had the key meanwhile · 0 held by
 * another owner, and not applied.
 */
export const COMPLETE: Script = script(`${READ}${VACANT}${OVERWRITE}
if done then return done == ARGV[3] and 1 or 2 end
if not (isMine or isVacant()) then return 0 end
overwrite(ARGV[3])
return isRegained and 2 or 1`)

/** → 1 free · 0 not ours. */
export const RELEASE: Script = script(`${READ}${OVERWRITE}
if not isMine then return 0 end
overwrite('free ' .. token .. (nextTakeover == 1 and ' 1' or ''))
return 1`)

/**
 * → {1, 1} every command of the others may be run, and there is memory for a claim. Touches no key
 * that exists, and what it writes means "never claimed" for the millisecond that it is there.
 */
export const PROBE: Script = script(`
redis.call('TIME')
redis.call('GET', KEYS[1])
if redis.call('SET', KEYS[1], 'free 0', 'NX', 'PX', 1000) then
  redis.call('PEXPIRE', KEYS[1], 1)
end
return { 1, 1 }`)

function script(source: string): Script {
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}
