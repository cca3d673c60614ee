import { createWebhooks, type OnWarning, type WebhookReport } from '@hongbao/core'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { register } from 'prom-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { codeOf, section, tables } from '../../docs/markdown.ts'
import { readDocument, ROOT } from '../../docs/snippets.ts'
import { delivery, importRecipe, keys } from './recipes.ts'

interface Recipe {
  readonly countReport: (report: WebhookReport) => void
  readonly countDeadLetter: () => void
  readonly countWarning: OnWarning
}

interface Rule {
  readonly alert: string
  readonly expr: string
}

const rules: Rule[] = parse(read('docs/prometheus-rules.yaml')).groups.flatMap(
  ({ rules: all }: { rules: Rule[] }) => all,
)
const dashboard: unknown = JSON.parse(read('docs/grafana-dashboard.json'))

describe('the recipe for Prometheus', () => {
  let exported: string

  beforeAll(async () => {
    const { countReport, countWarning, countDeadLetter } = await importRecipe<Recipe>('metrics.ts')
    const webhooks = createWebhooks({
      publicKey: keys.publicKey,
      logger: false,
      onReport: countReport,
    })
    webhooks.on('red_envelope.sent', () => {})
    webhooks.on('red_envelope.received', () => {
      throw new Error('declined')
    })
    await webhooks.handle(delivery('red_envelope.sent'))
    await webhooks.handle(delivery('red_envelope.sent'))
    await webhooks.handle(delivery('red_envelope.received'))
    await webhooks.handle({ ...delivery('red_envelope.sent'), header: () => undefined })
    void countWarning(new Error('full'), { code: 'memory-full' })
    countDeadLetter()
    exported = await register.metrics()
  })

  it.each([
    'hongbao_reports_total{kind="delivery",outcome="handled",code=""} 1',
    'hongbao_reports_total{kind="delivery",outcome="duplicate",code=""} 1',
    'hongbao_reports_total{kind="delivery",outcome="failed",code="handler-failed"} 1',
    'hongbao_reports_total{kind="delivery",outcome="rejected",code="signature-missing"} 1',
    'hongbao_duration_seconds_count{kind="delivery",outcome="handled",event_type="red_envelope.sent"} 1',
    'hongbao_warnings_total{code="memory-full"} 1',
    'hongbao_dead_letters_total 1',
  ])('exports %s', (line) => {
    expect(exported.split('\n')).toContain(line)
  })

  it('exports when a verified event last came', () => {
    const [, seconds] = /^hongbao_last_event_timestamp_seconds ([\d.]+)$/m.exec(exported) ?? []
    expect(Number(seconds)).toBeGreaterThan(1_700_000_000)
  })

  it.each([
    ['rules', () => rules.map(({ expr }) => expr).join('\n')],
    ['dashboard', () => JSON.stringify(dashboard)],
  ])('exports every metric of the %s, and they use all of them', (_, text) => {
    const own = [...exported.matchAll(/^# TYPE (hongbao_\w+)/gm)].map(([, name]) => name)
    const used = Array.from(text().matchAll(/hongbao_\w+/g), ([name]) =>
      name.replace(/_(?:bucket|count|sum)$/, ''),
    )
    expect(own).toHaveLength(5)
    expect(new Set(used)).toEqual(new Set(own))
  })

  it('has every label that the rules and the dashboard name', () => {
    const text = rules.map(({ expr }) => expr).join('\n') + JSON.stringify(dashboard)
    const inSelectors = [...text.matchAll(/[{,](\w+)[=!]~?\\?"/g)]
    const inGroups = [...text.matchAll(/by \((\w+)\)/g)]
    const named = new Set([...inSelectors, ...inGroups].map(([, label]) => label))
    // Prometheus adds `job`.
    expect(named).toEqual(new Set(['code', 'outcome', 'kind', 'le', 'event_type', 'job']))
    for (const label of ['code', 'outcome', 'kind', 'le', 'event_type']) {
      expect(exported).toMatch(new RegExp(`[{,]${label}="`))
    }
  })
})

it.each([
  ['docs/observing.md', '## Alarms'],
  ['docs/observing.zh-CN.md', '## 告警'],
])('%s has a row for every alarm of the rules, in their order', (path, heading) => {
  const [table = []] = tables(section(readDocument(path), heading))
  expect(table.slice(1).map(([alarm]) => codeOf(alarm))).toEqual(rules.map(({ alert }) => alert))
})

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
