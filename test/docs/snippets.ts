import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeBlocks } from './markdown.ts'

/** A module of a document: a `ts` block whose first line is a comment with its file name. */
export interface Snippet {
  readonly name: string
  readonly code: string
}

/** A directory with modules as a reader would have them, and the modules of `host/` beside them. */
export interface Workspace {
  readonly directory: string
  import<Module>(name: string): Promise<Module>
  remove(): void
}

export function readDocument(path: string): string {
  return readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
}

export function snippetsOf(markdown: string): Snippet[] {
  return codeBlocks(markdown)
    .filter(({ language }) => ['ts', 'js', 'typescript', 'javascript'].includes(language))
    .map(({ text }) => {
      const name = /^\/\/ ([\w.-]+\.ts)\n/.exec(text)?.[1]
      if (name === undefined) throw new Error(`A snippet has no file name: ${text.slice(0, 60)}`)
      return { name, code: text }
    })
}

/** Writes snippets below `test/`, from where the packages of the workspace resolve. */
export function createWorkspace(
  snippets: readonly Snippet[],
  edit: (code: string) => string = (code) => code,
): Workspace {
  const directory = mkdtempSync(join(import.meta.dirname, '.snippets-'))
  cpSync(join(import.meta.dirname, 'host'), directory, { recursive: true })
  for (const { name, code } of snippets) writeFileSync(join(directory, fileOf(name)), edit(code))
  return {
    directory,
    import: (name) => import(/* @vite-ignore */ join(directory, fileOf(name))),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Not `….test.ts`: what a killed run leaves behind must not look like a test to the next one. */
function fileOf(name: string): string {
  return name.replace('.test.ts', '-test.ts')
}

/** Code without its comments, which are in the language of the document. */
export function withoutComments(code: string): string {
  return code.replaceAll(/(^|\s)\/\/ .*$/gm, '$1').replaceAll(/[ \t]+$/gm, '')
}
