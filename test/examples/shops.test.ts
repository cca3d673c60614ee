import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples')
const GENERATED = ['**/node_modules/**', '**/.next/**', '**/dist/**', '**/generated/**']
const shops = findFiles('*/.env.example', { cwd: EXAMPLES }).map((path) => path.split('/')[0] ?? '')
const read = (...path: string[]): string => readFileSync(join(EXAMPLES, ...path), 'utf8')

describe.each(shops)('the shop %s', (shop) => {
  const readme = read(shop, 'README.md')
  const manifest = JSON.parse(read(shop, 'package.json')) as {
    name: string
    private: boolean
    scripts: Record<string, string>
  }

  it('is a private package that the demos do not install', () => {
    expect(manifest).toMatchObject({ name: `@hongbao/shop-${shop}`, private: true })
  })

  it('has a README of 40 lines at most, in English and Chinese, whose scripts exist', () => {
    expect(readme.split('\n').length - 1).toBeLessThanOrEqual(40)
    expect(readme).toContain('\n## 中文\n')
    const scripts = [...readme.matchAll(/npm (?:run )?(\w+)/g)].map(([, script = '']) => script)
    expect(scripts.filter((script) => script !== 'npm')).not.toEqual([])
    expect(scripts.filter((script) => manifest.scripts[script] === undefined)).toEqual([])
  })

  it('names in .env.example the variables that it reads, and no others', () => {
    const code = findFiles('**/*.{js,ts}', { cwd: join(EXAMPLES, shop), exclude: GENERATED })
    const text = code.map((file) => read(shop, file)).join('\n')
    const used = new Set(text.match(/\b(?:PINGPP|DATABASE|REDIS)_[A-Z_]+\b/g))
    const example = read(shop, '.env.example').replaceAll(/^# (?=[A-Z_]+=)/gm, '')
    const named = Object.keys(parseEnv(example)).filter((name) => name !== 'PORT')
    expect(named.toSorted()).toEqual([...used].toSorted())
  })

  it('stands in the list of examples, in both languages', () => {
    expect(read('README.md').match(new RegExp(`\\(${shop}\\)`, 'g'))).toHaveLength(2)
  })
})
