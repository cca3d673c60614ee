// Writes the API reference from the docstrings: a page for each module that apps import.
import { readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { Application } from 'typedoc'
import type { PluginOptions } from 'typedoc-plugin-markdown'
import { findFiles } from '../../test/find-files.ts'
import { finishApiReference, PAGES, ROOT } from './pages.ts'

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string>>
}

const MARKDOWN: PluginOptions = {
  entryFileName: 'index',
  excludeScopesInPaths: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  pageTitleTemplates: { module: ({ rawName }) => rawName },
  sanitizeComments: true,
  useCodeBlocks: true,
  // Its links number headings of the same name, not always as a reader of Markdown does.
  useCustomAnchors: true,
  useHTMLEncodedBrackets: true,
}

const entries = readEntries()
const app = await Application.bootstrapWithPlugins({
  ...MARKDOWN,
  plugin: ['typedoc-plugin-markdown'],
  logLevel: 'Warn',
  name: 'API reference',
  entryPoints: [...entries.keys()],
  tsconfig: join(ROOT, 'tsconfig.base.json'),
  // `pnpm typecheck` reads the same files, with the compiler of the project.
  skipErrorChecking: true,
  router: 'module',
  outputs: [{ name: 'markdown', path: join(PAGES, 'api') }],
  readme: 'none',
  groupOrder: ['Functions', 'Classes', 'Interfaces', '*'],
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
})
const modules = app.getEntryPoints()?.map((module) => ({
  ...module,
  displayName: entries.get(module.sourceFile.fileName) ?? module.displayName,
}))
const project = app.converter.convert(modules ?? [])
app.validate(project)
await app.generateOutputs(project)
if (app.logger.hasErrors() || app.logger.hasWarnings()) {
  throw new Error('TypeDoc has complaints, above: correct the docstrings that it names.')
}
finishApiReference()

/** The sources of all public entries, with the names that apps import. `./internal` is not for apps. */
function readEntries(): Map<string, string> {
  const found = new Map<string, string>()
  for (const manifest of findFiles('packages/*/package.json', { cwd: ROOT })) {
    const { name, exports } = JSON.parse(readFileSync(join(ROOT, manifest), 'utf8')) as Manifest
    for (const [path, source] of Object.entries(exports)) {
      if (path === './internal' || !source.endsWith('.ts')) continue
      found.set(join(ROOT, dirname(manifest), source), posix.join(name, path))
    }
  }
  return found
}
