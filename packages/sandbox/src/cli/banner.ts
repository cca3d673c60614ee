import { relative } from 'node:path'
import type { Keys } from '../keys/keys.ts'
import type { Sandbox } from '../sandbox.ts'
import { describeTerms } from './columns.ts'
import type { Output } from './output.ts'
import { inspectorUrl } from './place.ts'
import { localTime, writeSpeed } from './record-lines.ts'
import type { Texts } from './texts/texts.ts'

/**
 * Prints where the sandbox is, and on a terminal the next steps.
 *
 * @param isChecked whether signatures of requests are checked
 */
export function writeBanner(
  output: Output,
  texts: Texts,
  sandbox: Sandbox,
  keys: Keys,
  isChecked: boolean,
): void {
  const { url, target, clock, keyFingerprint } = sandbox
  const time = clock.speed === 1 ? '' : `  ${localTime(clock.now(), true)}`
  const key = `${keyFingerprint.slice(0, 16)}  ${relative('.', keys.webhook.publicPath)}`
  const facts = [
    [texts('heading.inspector'), inspectorUrl(sandbox)],
    [texts('heading.target'), target ?? texts('noTarget')],
    [texts('heading.clock'), writeSpeed(clock.speed, texts) + time],
    [texts('heading.key'), key],
    [texts('heading.requests'), texts(isChecked ? 'banner.checked' : 'banner.unchecked')],
  ] as const
  const setTarget = ['target set http://localhost:3000/webhooks', 'banner.setTarget'] as const
  const steps = [
    ...(target === null ? [setTarget] : []),
    ['env --sdk node', 'banner.env'],
    ['trigger red_envelope.sent --wait', 'banner.trigger'],
    ['open', 'banner.open'],
  ] as const

  function noteTerms(terms: readonly (readonly [string, string])[]): void {
    const indented = terms.map(([term, about]) => [`  ${term}`, about] as const)
    for (const line of describeTerms(indented, output.noteColumns)) output.note(line)
  }

  output.note(`${output.tint('bold', 'hongbao sandbox')}  ${output.tint('cyan', `${url}/v1`)}`)
  output.note(output.tint('dim', texts('banner.noMoney')))
  noteTerms(facts)
  if (!output.isWatched) return
  output.note(`\n${output.tint('bold', texts('banner.next'))}`)
  noteTerms(steps.map(([words, about]) => [`npx hongbao-sandbox ${words}`, texts(about)]))
  output.note('')
}
