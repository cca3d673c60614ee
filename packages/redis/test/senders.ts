import type { Redis } from 'ioredis'
import type { CommandSender } from '../src/index.ts'
import { CLAIM, COMPLETE, RELEASE, RENEW } from '../src/scripts.ts'

/** A step of the inbox, as it is seen on its way to Redis. */
export type Step = 'claim' | 'renew' | 'complete' | 'release' | 'other'

/** What can be done to a command on its way. */
export type Fate = 'pass' | 'lost' | 'answer-lost' | 'never-answered'

/** A way to Redis on which commands can be lost, with or without having been carried out. */
export interface Sender extends CommandSender {
  /** The steps that were sent, in order. */
  readonly steps: Step[]
  /** Decides on each step; `'pass'` by default. */
  decide: (step: Step) => Fate
}

export function createSender(redis: Redis): Sender {
  const sender: Sender = {
    steps: [],
    decide: () => 'pass',
    async sendCommand([command = '', ...args]) {
      const step = stepOf(args[0])
      sender.steps.push(step)
      const fate = sender.decide(step)
      if (fate === 'lost') throw new Error('read ECONNRESET')
      const reply: unknown = await redis.call(command, ...args)
      if (fate === 'answer-lost') throw new Error('read ECONNRESET')
      if (fate === 'never-answered') await new Promise(() => {})
      return reply
    },
  }
  return sender
}

function stepOf(script: string | undefined): Step {
  const steps = { claim: CLAIM, renew: RENEW, complete: COMPLETE, release: RELEASE }
  for (const [step, { sha1, source }] of Object.entries(steps)) {
    if (script === sha1 || script === source) return step as Step
  }
  return 'other'
}
