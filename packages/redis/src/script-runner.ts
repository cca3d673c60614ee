import type { Command, Send } from './client.ts'
import { createDeadlines } from './deadlines.ts'
import { redisError, toInboxError } from './errors.ts'
import type { Script } from './scripts.ts'

/** A script, the key that it is about, and its other arguments. */
export interface Step {
  readonly script: Script
  readonly key: string
  readonly args: readonly string[]
}

/**
 * Runs a script in Redis and reads its answer. Rejects with an `InboxError`, in time. `onLate` is
 * for commands that must not be carried out later: called if the client settles a command that was
 * given up.
 */
export type RunScript = <Result>(
  step: Step,
  read: (reply: unknown) => Result,
  onLate?: () => void,
) => Promise<Result>

export function createScriptRunner(send: Send, timeoutMs: number): RunScript {
  const deadlines = createDeadlines(timeoutMs)

  return function runScript({ script, key, args }, read, onLate) {
    return new Promise((resolve, reject) => {
      function expire(): void {
        reject(redisError('redis-timed-out'))
      }

      /** Gives up a command that must not be carried out late. Returns whether it was late. */
      function giveUpWhenLate(): boolean {
        if (deadlines.remove(expire) || onLate === undefined) return false
        onLate()
        expire()
        return true
      }

      function succeed(reply: unknown): void {
        if (giveUpWhenLate()) return
        try {
          resolve(read(reply))
        } catch (error) {
          reject(error)
        }
      }

      function fail(error: unknown): void {
        if (isUnknownScript(error) && (onLate === undefined || deadlines.has(expire))) {
          // After a restart, a failover or SCRIPT FLUSH; EVAL teaches Redis the script again. Never
          // for a claim that was given up, always for what gives it back.
          return ask(['eval', script.source, '1', key, ...args])
        }
        if (!giveUpWhenLate()) reject(toInboxError(error, send.isCluster))
      }

      function ask(command: Command): void {
        try {
          Promise.resolve(send(command, key)).then(succeed, fail)
        } catch (error) {
          fail(error)
        }
      }

      deadlines.add(expire)
      // In lower case: ioredis looks commands up so, and would make it so several times for each,
      // which is 4 % of an admission.
      ask(['evalsha', script.sha1, '1', key, ...args])
    })
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT')
}
