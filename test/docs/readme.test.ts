import {
  createTestKeys,
  eventFixture,
  signDelivery,
  type SignedDelivery,
} from '@hongbao/core/testing'
import { createWebhooks, isWebhookError, type Webhooks } from '@hongbao/core'
import { serve } from '@hono/node-server'
import type { Express } from 'express'
import type { FastifyInstance } from 'fastify'
import type { Hono } from 'hono'
import type Koa from 'koa'
import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { outcomes, replyTo } from '../../packages/core/src/reply.ts'
import type { db } from './host/db.ts'
import type { orders } from './host/orders.ts'
import type { telemetry } from './host/telemetry.ts'
import { codeBlocks, codeOf, headings, section, tables } from './markdown.ts'
import {
  createWorkspace,
  readDocument,
  snippetsOf,
  withoutComments,
  type Workspace,
} from './snippets.ts'

const ROOT = join(import.meta.dirname, '../..')
const ENGLISH = readDocument('README.md')
const CHINESE = readDocument('README.zh-CN.md')
const GUIDE = readDocument('docs/signature.md')

const README = snippetsOf(ENGLISH)
const SNIPPETS = [...README, ...snippetsOf(GUIDE)]

const workspaces: Workspace[] = []
function workspace(edit?: (code: string) => string): Workspace {
  const made = createWorkspace(SNIPPETS, edit)
  workspaces.push(made)
  return made
}

const environment = process.env['PINGPP_PUBLIC_KEY']
afterAll(() => {
  for (const made of workspaces) made.remove()
  if (environment === undefined) delete process.env['PINGPP_PUBLIC_KEY']
  else process.env['PINGPP_PUBLIC_KEY'] = environment
})

describe('the two languages', () => {
  const twins = [
    ['README.md', 'README.zh-CN.md'],
    ['docs/signature.md', 'docs/signature.zh-CN.md'],
    ['docs/errors.md', 'docs/errors.zh-CN.md'],
  ] as const

  it.each(twins)('%s and %s have the same sections', (english, chinese) => {
    const levels = (path: string) => headings(readDocument(path)).map(({ level }) => level)
    expect(levels(chinese)).toEqual(levels(english))
  })

  it.each(twins)('%s and %s have the same code, apart from comments', (english, chinese) => {
    const code = (path: string) =>
      codeBlocks(readDocument(path)).map((block) => withoutComments(block.text))
    expect(code(chinese)).toEqual(code(english))
  })

  it.each(twins)(
    '%s and %s have the same tables, with the same codes in them',
    (english, chinese) => {
      const shape = (path: string) =>
        tables(readDocument(path)).map((rows) =>
          rows.map((cells) => [cells.length, codeOf(cells[0])]),
        )
      expect(shape(chinese)).toEqual(shape(english))
    },
  )
})

describe('every snippet', () => {
  it('has a name of its own', () => {
    const names = SNIPPETS.map(({ name }) => name)
    expect(names).toEqual([...new Set(names)])
  })

  it('is run by this file', () => {
    const source = readFileSync(import.meta.filename, 'utf8')
    expect(SNIPPETS.filter(({ name }) => !source.includes(`'${name}'`))).toEqual([])
  })

  it('has the right types', { timeout: 60_000 }, () => {
    const { directory } = workspace()
    const tsconfig = join(directory, 'tsconfig.json')
    // What a reader's project need not have: declarations of its own, and `env['NAME']`.
    const compilerOptions = {
      declaration: false,
      isolatedDeclarations: false,
      noPropertyAccessFromIndexSignature: false,
    }
    const settings = {
      extends: '../../../tsconfig.base.json',
      compilerOptions,
      include: ['./*.ts'],
    }
    writeFileSync(tsconfig, JSON.stringify(settings))
    const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', tsconfig], {
      encoding: 'utf8',
    })
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })
})

describe('the snippet of the testing section', async () => {
  // Registers its own tests, and reads its own key when they run.
  await workspace().import('webhooks.test.ts')
})

describe('what the README says of keys', () => {
  const { publicKey } = createTestKeys()
  const base64 = publicKey.replaceAll(/-----[^-]+-----|\s/g, '')
  const layouts: Record<string, string> = {
    'line breaks': publicKey,
    CRLF: publicKey.replaceAll('\n', '\r\n'),
    indentation: publicKey.replaceAll(/^/gm, '    '),
    quotes: `"${publicKey}"`,
    'one line': publicKey.replaceAll('\n', ' '),
    'no line breaks at all': publicKey.replaceAll('\n', ''),
    '\\n as two characters': publicKey.replaceAll('\n', String.raw`\n`),
    'bare base64': base64,
  }

  it.each(Object.keys(layouts))('takes %s', (layout) => {
    expect(() => createWebhooks({ publicKey: layouts[layout] })).not.toThrow()
  })

  it.each([
    ['README.md', ENGLISH, '## Keys'],
    ['README.zh-CN.md', CHINESE, '## 密钥'],
  ])('%s lists every code of a refused key', (_path, markdown, heading) => {
    const source = readDocument('packages/core/src/errors.ts')
    const codes = [...source.matchAll(/^ {2}\| '(key-[\w-]+)'$/gm)].map(([, code]) => code)
    const rows = tables(section(markdown, heading)).at(-1)?.slice(1) ?? []
    expect(rows.map((cells) => codeOf(cells[1])).toSorted()).toEqual(codes.toSorted())
  })
})

describe.each([
  [
    'README.md',
    ENGLISH,
    ['## Replies', '## Options', '## Handlers', '## Observing'],
    ['stops', 'sends again'],
  ],
  [
    'README.zh-CN.md',
    CHINESE,
    ['## 应答表', '## 选项', '## 处理函数', '## 观测'],
    ['停止', '重发'],
  ],
] as const)(
  'the tables of %s',
  (_path, markdown, [replies, options, handlers, observing], [stops, again]) => {
    it('have every outcome with its status, in the order of the source', () => {
      const [rows = []] = tables(section(markdown, replies))
      const expected = outcomes().map((outcome) => {
        const { status } = replyTo(outcome)
        return [outcome, status, status < 300 ? stops : again]
      })
      expect(rows.slice(1).map((row) => [codeOf(row[0]), Number(row[1]), row[3]])).toEqual(expected)
    })

    it.each([
      ['WebhooksOptions', 'packages/core/src/options.ts', 0],
      ['MemoryInboxOptions', 'packages/core/src/memory-inbox.ts', 1],
    ])('have every option of %s with its default', (name, path, index) => {
      const rows = tables(section(markdown, options))[index]?.slice(1) ?? []
      const documented = fieldsOf(readDocument(path), name).map(({ field, comment }) => [
        field,
        figureOf(/Default: ([\s\S]*?)\.(?=\s|$)/.exec(comment)?.[1]),
      ])
      expect(rows.map((cells) => [codeOf(cells[0]), figureOf(cells[1])])).toEqual(documented)
    })

    it('have every field of a handler’s context', () => {
      const [rows = []] = tables(section(markdown, handlers))
      const fields = fieldsOf(readDocument('packages/core/src/handlers.ts'), 'HandlerContext')
      expect(rows.slice(1).map(([cell]) => codeOf(cell))).toEqual(fields.map(({ field }) => field))
    })

    it('have every field of a report', () => {
      const [rows = []] = tables(section(markdown, observing))
      const named = rows.slice(1).flatMap(([cell = '']) => [...cell.matchAll(/`(\w+)`/g)])
      const fields = fieldsOf(readDocument('packages/core/src/report.ts'), 'Report')
      expect(named.map(([, field]) => field).toSorted()).toEqual(
        fields.map(({ field }) => field).toSorted(),
      )
    })
  },
)

describe('what the README says of retries', () => {
  it('adds up', () => {
    const sentence = /posts again after (.+?), each counted/.exec(ENGLISH)?.[1] ?? ''
    const seconds = { s: 1, min: 60, h: 3600 }
    const gaps = [...sentence.matchAll(/(\d+) (s|min|h)/g)].map(
      ([, count, unit]) => Number(count) * seconds[unit as keyof typeof seconds],
    )
    expect(gaps).toEqual([5, 10, 120, 300, 600, 1800, 3600, 7200, 21_600, 54_000])
    expect(ENGLISH).toContain('eleven posts, the last 24 h 47 min after the first')
    const total = gaps.reduce((sum, gap) => sum + gap, 0)
    expect([Math.floor(total / 3600), Math.floor((total % 3600) / 60)]).toEqual([24, 47])
    const chinese = [...CHINESE.matchAll(/间隔重发：(.+?)，每段/g)][0]?.[1] ?? ''
    expect(chinese.match(/\d+/g)).toEqual(sentence.match(/\d+/g))
  })
})

describe('isWebhookError', () => {
  it('tells by the code, as docs/errors.md says', () => {
    expect(isWebhookError(Object.assign(new Error('x'), { code: 'handler-failed' }))).toBe(true)
    expect(isWebhookError(Object.assign(new Error('x'), { code: 'ENOENT' }))).toBe(false)
  })
})

/** The fields of an interface with the comments above them. */
function fieldsOf(source: string, name: string): { field: string; comment: string }[] {
  const body = new RegExp(`^export interface ${name}\\b.*?\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(
    source,
  )?.[1]
  if (body === undefined) throw new Error(`There is no interface ${name}.`)
  let comment = ''
  return body.split('\n').flatMap((line) => {
    const field = /^ {2}readonly (\w+)\??:/.exec(line)?.[1]
    if (field === undefined) {
      comment += `${line.replace(/^ {2}(\/\*\*| \*\/?)/, '').replace(/\*\/$/, '')}\n`
      return []
    }
    const found = { field, comment }
    comment = ''
    return [found]
  })
}

/** The code or the number in a default; undefined where it is in words. */
function figureOf(text: string | undefined): string | undefined {
  return /`[^`]+`|\d[\d,]*/.exec(text ?? '')?.[0]
}
