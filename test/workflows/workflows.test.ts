import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { findFiles } from '../find-files.ts'
import { workflowFlaws } from './workflow-flaws.ts'

const ROOT = join(import.meta.dirname, '../..')
const WORKFLOWS = findFiles('.github/workflows/*', { cwd: ROOT })
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const GOOD = `on: push
permissions: {}
concurrency:
  group: one
jobs:
  test:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@0123456789abcdef0123456789abcdef01234567 # v1.2.3
        with:
          persist-credentials: false
      - run: npm test
  other:
    permissions:
      contents: read
    uses: ./.github/workflows/other.yml
`

describe('the workflows of GitHub Actions', () => {
  it('are found', () => {
    expect(WORKFLOWS).toContain('.github/workflows/ci.yml')
  })

  it.each(WORKFLOWS)('%s has no flaws', async (path) => {
    expect(await workflowFlaws(read(path))).toEqual([])
  })

  it('only publish with a token that GitHub makes for the run', () => {
    const { jobs } = parse(read('.github/workflows/release.yml')) as {
      readonly jobs: Readonly<Record<string, { readonly permissions: object }>>
    }
    const holders = Object.keys(jobs).filter((name) =>
      Object.keys(jobs[name]?.permissions ?? {}).includes('id-token'),
    )
    expect(holders).toEqual(['publish'])
  })
})

describe('a workflow', () => {
  it('passes if nothing is wrong with it', async () => {
    expect(await workflowFlaws(GOOD)).toEqual([])
  })

  it.each([
    { change: ['npm test', '${{ matrix.nod }}'], says: 'property "nod" is not defined' },
    { change: ['ubuntu-latest', 'ubuntu-1'], says: 'label "ubuntu-1" is unknown' },
    { change: ['contents: read', 'contents: reads'], says: '"reads" is invalid for permission' },
    { change: ['run: npm test', 'rum: npm test'], says: '[syntax-check]' },
    {
      change: ['npm test', 'echo ${{ github.event.issue.title }}'],
      says: '"github.event.issue.title" is potentially untrusted',
    },
    {
      change: ['@0123456789abcdef0123456789abcdef01234567 # v1.2.3', '@v7'],
      says: 'no commit and',
    },
    { change: [' # v1.2.3', ''], says: 'no commit and version' },
    { change: ['on: push', 'on: pull_request_target'], says: 'pull_request_target' },
    { change: ['permissions: {}', 'permissions: read-all'], says: 'permissions of the workflow' },
    { change: ['concurrency:\n  group: one\n', ''], says: 'no concurrency' },
    { change: ['    permissions:\n      contents: read\n', ''], says: 'job test: no permissions' },
    { change: ['    timeout-minutes: 5\n', ''], says: 'job test: no timeout-minutes' },
    { change: ['persist-credentials: false', 'fetch-depth: 1'], says: 'checkout keeps its token' },
    { change: ['npm test', 'echo ${{ secrets.NPM_TOKEN }}'], says: 'job test: a secret' },
  ])('is refused where $says', async ({ change: [from = '', to = ''], says }) => {
    expect(GOOD).toContain(from)
    const flaws = await workflowFlaws(GOOD.replace(from, to))
    expect(flaws).toContainEqual(expect.stringContaining(says))
  })
})

describe('the forms of issues', () => {
  it.each(['bug', 'feature'])('%s asks each question once, in both languages', (name) => {
    const { body, ...form } = parse(read(`.github/ISSUE_TEMPLATE/${name}.yml`)) as {
      readonly body: readonly { readonly id?: string; readonly attributes: { label?: string } }[]
    }
    const questions = body.filter(({ id }) => id !== undefined)
    expect(Object.keys(form)).toEqual(['name', 'description', 'labels'])
    expect(questions.length).toBeGreaterThan(2)
    expect(new Set(questions.map(({ id }) => id)).size).toBe(questions.length)
    const labels = questions.map(({ attributes }) => attributes.label ?? '')
    expect(labels.filter((label) => !/^[ -~]+ \/ .*\p{Script=Han}/u.test(label))).toEqual([])
  })
})

describe('.github/dependabot.yml', () => {
  it('updates packages and actions', () => {
    const { updates } = parse(read('.github/dependabot.yml')) as {
      readonly updates: readonly { readonly 'package-ecosystem': string }[]
    }
    expect(updates.map((each) => each['package-ecosystem'])).toEqual(['npm', 'github-actions'])
  })
})
