import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { vi } from 'vitest'
import { PATIENCE_MS } from './patience.ts'

/** A process that a test started, and kills. Its output is one word a line. */
export interface Spawned {
  /** Waits for a word in its output. */
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
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const words: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => words.push(line))

  function findWord(pattern: RegExp): RegExpExecArray {
    const found = words.map((word) => pattern.exec(word)).find((match) => match !== null)
    if (found === undefined) throw new Error(`It has said ${words.join(', ')}.`)
    return found
  }

  return {
    word: (pattern) => vi.waitFor(() => findWord(pattern), PATIENCE_MS),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}
