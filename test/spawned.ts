import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import { PATIENCE_MS } from './patience.ts'

/** A process that a test started, and kills. Its output is one word a line. */
export interface Spawned {
  /** Waits for a word in its output. Rejects with the whole output if the process has ended without it. */
  readonly word: (pattern: RegExp) => Promise<RegExpExecArray>
  /** Ends it with SIGKILL, and waits until it is gone. */
  readonly kill: () => Promise<void>
}

/** Starts a program with a task, which comes to it as JSON in its first argument. */
export function spawnProgram(
  program: string,
  task: object,
  runtime: string = process.execPath,
): Spawned {
  const child = spawn(runtime, [program, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const words: string[] = []
  const complaints: string[] = []
  let hasEnded = false
  createInterface({ input: child.stdout }).on('line', (line) => words.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => complaints.push(line))
  // Comes after all of its output.
  child.once('close', () => {
    hasEnded = true
  })

  function findWord(pattern: RegExp): RegExpExecArray {
    const found = words.map((word) => pattern.exec(word)).find((match) => match !== null)
    if (found !== undefined) return found
    const end = hasEnded ? `It ended with ${child.exitCode ?? child.signalCode}.` : 'It runs.'
    const output = [...words, ...complaints].join('\n')
    throw new Error(`${program} has not said ${pattern}. ${end} Its output:\n${output}`)
  }

  return {
    async word(pattern) {
      await vi.waitFor(() => hasEnded || findWord(pattern), PATIENCE_MS)
      return findWord(pattern)
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
