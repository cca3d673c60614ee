import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findFiles } from '../find-files.ts'
import { codeBlocks } from './markdown.ts'

/** A module of a document: a `ts` block whose first line is a comment with its file name. */
export interface Snippet {
  readonly name: string
  readonly code: string
}

/** A directory with the snippets as a reader would have them, and the modules of `host/` beside them. */
export interface Workspace {
  readonly directory: string
  import<Module>(name: string): Promise<Module>
}

export const ROOT: string = join(import.meta.dirname, '../..')

export function readDocument(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

/** The documents in English. Each has a twin in Chinese with the same structure (`twins.test.ts`). */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  ...findFiles('docs/*.md', {
    cwd: ROOT,
    exclude: ['docs/mutation.md', 'docs/*.zh-CN.md'],
  }),
]

/** A project of its own, whose files change on the way: `start.test.ts` builds it. */
const PROJECT = 'docs/start.md'

/** The snippets of the documents in English; those in Chinese are the same (`twins.test.ts`). */
export const SNIPPETS: readonly Snippet[] = DOCUMENTS.filter((path) => path !== PROJECT).flatMap(
  (path) => codeBlocks(readDocument(path)).filter(isModule).filter(isNotOfNest).map(toSnippet),
)

/** NestJS needs a compiler of its own: `test/integrations/nest-11` runs its modules, which are in `src`. */
export function isNotOfNest({ text }: { readonly text: string }): boolean {
  return !text.startsWith('// src/')
}

/** The tests in which a snippet runs: those here, and those of frameworks that only `test/integrations` has. */
const TESTS = {
  here: readTests('*.test.ts'),
  integrations: readTests('../integrations/*/*.test.ts'),
}

function readTests(pattern: string): string {
  return findFiles(pattern, { cwd: import.meta.dirname })
    .map((path) => readFileSync(join(import.meta.dirname, path), 'utf8'))
    .join('\n')
}

/** Where a snippet runs: a test names it, or one that is named imports it. */
export function testedIn(name: string): 'here' | 'integrations' | undefined {
  const isImported = SNIPPETS.some(
    (other) => other.code.includes(`'./${name}'`) && testedIn(other.name) === 'here',
  )
  if (isImported || TESTS.here.includes(`'${name}'`)) return 'here'
  return TESTS.integrations.includes(`'${name}'`) ? 'integrations' : undefined
}

function isModule({ language }: { language: string }): boolean {
  return ['ts', 'js', 'typescript', 'javascript'].includes(language)
}

function toSnippet({ text }: { text: string }): Snippet {
  const name = /^\/\/ ([\w.-]+\.ts)\n/.exec(text)?.[1]
  if (name === undefined) throw new Error(`A snippet has no file name: ${text.slice(0, 60)}`)
  return { name, code: text }
}

const made: string[] = []

/** Writes the snippets below `test/`, from where the packages of the workspace resolve. */
export function createWorkspace(edit: (code: string) => string = (code) => code): Workspace {
  const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))
  made.push(directory)
  cpSync(join(import.meta.dirname, 'host'), directory, { recursive: true })
  for (const { name, code } of SNIPPETS) {
    if (testedIn(name) === 'integrations') continue
    writeFileSync(join(directory, fileOf(name)), edit(code))
  }
  return {
    directory,
    import: (name) => import(/* @vite-ignore */ join(directory, fileOf(name))),
  }
}

/** Removes all that this process made. */
export function removeWorkspaces(): void {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
}

/** Not `….test.ts`: files that a killed run leaves must not look like a test to the next one. */
export function fileOf(name: string): string {
  return name.replace('.test.ts', '-test.ts')
}

/** Code without its comments, which are in the language of the document. */
export function withoutComments(code: string): string {
  return code.replaceAll(/(^|\s)\/\/ .*$/gm, '$1').replaceAll(/[ \t]+$/gm, '')
}
