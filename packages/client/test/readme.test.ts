import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { ERRORS } from '../src/errors.ts'

it('the README explains every code, and no other', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const codes = Array.from(readme.matchAll(/^\| `([\w-]+)` \|/gm), ([, code]) => code)
  expect(new Set(codes)).toEqual(new Set(['code', ...Object.keys(ERRORS)]))
})
