import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const ROOT = join(import.meta.dirname, '../..')

/** An entry point that users import, and the source that it is built from. */
export interface Entry {
  /** Such as `@hongbao/core/testing`. */
  readonly name: string
  readonly path: string
}

/** Every entry point of every package, but for `internal`, which is outside semantic versioning. */
export function findEntries(): Entry[] {
  return readdirSync(join(ROOT, 'packages')).flatMap((folder) => {
    const manifest = JSON.parse(
      readFileSync(join(ROOT, 'packages', folder, 'package.json'), 'utf8'),
    ) as { name: string; exports: Record<string, string> }
    return Object.entries(manifest.exports)
      .filter(([key]) => !['./package.json', './internal'].includes(key))
      .map(([key, path]) => ({
        name: join(manifest.name, key),
        path: join(ROOT, 'packages', folder, path),
      }))
  })
}

/**
 * What an entry exports, as its declarations: sorted by name, without comments, and with the types of
 * other files that they are made of named only.
 */
export function createReports(entries: readonly Entry[]): Map<string, string> {
  const program = ts.createProgram({
    rootNames: entries.map(({ path }) => path),
    options: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.NodeNext,
      lib: ['lib.es2024.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      noEmit: true,
      skipLibCheck: true,
    },
  })
  const checker = program.getTypeChecker()
  return new Map(entries.map((entry) => [entry.name, reportOf(entry, program, checker)]))
}

function reportOf({ name, path }: Entry, program: ts.Program, checker: ts.TypeChecker): string {
  const source = program.getSourceFile(path)
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`${name} is no module: ${path}`)
  const exported = checker
    .getExportsOfModule(module)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((symbol) => declarationOf(symbol, checker))
  return `// ${name}\n\n${exported.join('\n\n')}\n`
}

const printer = ts.createPrinter({ removeComments: true })

function declarationOf(exported: ts.Symbol, checker: ts.TypeChecker): string {
  const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0
  const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported
  const texts = (symbol.declarations ?? []).map((node) => textOf(node, symbol, checker))
  const renamed = symbol.name === exported.name ? '' : `// as ${exported.name}\n`
  return renamed + texts.join('\n')
}

function textOf(node: ts.Declaration, symbol: ts.Symbol, checker: ts.TypeChecker): string {
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return print(node)
  const type = checker.getTypeOfSymbolAtLocation(symbol, node)
  if (ts.isClassDeclaration(node)) return classOf(node)
  if (ts.isFunctionDeclaration(node)) {
    const { modifiers, asteriskToken, name, typeParameters, parameters, type: returned } = node
    return print(
      ts.factory.createFunctionDeclaration(
        modifiers?.filter(({ kind }) => kind !== ts.SyntaxKind.AsyncKeyword),
        asteriskToken,
        name,
        typeParameters,
        parameters,
        returned,
        undefined,
      ),
      node.getSourceFile(),
    )
  }
  return `const ${symbol.name}: ${checker.typeToString(type, undefined, ts.TypeFormatFlags.NoTruncation)}`
}

/** Its public members, without bodies. */
function classOf(node: ts.ClassDeclaration): string {
  const members = node.members
    .filter((member) => !ts.canHaveModifiers(member) || !isPrivate(member))
    .map((member) => {
      const [head = ''] = print(member, node.getSourceFile()).split(' {')
      return `  ${head}`
    })
  const heritage = node.heritageClauses?.map((clause) => print(clause, node.getSourceFile())) ?? []
  return [`class ${[node.name?.text, ...heritage].join(' ')} {`, ...members, '}'].join('\n')
}

function isPrivate(member: ts.HasModifiers): boolean {
  return member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true
}

function print(node: ts.Node, source: ts.SourceFile = node.getSourceFile()): string {
  return printer.printNode(ts.EmitHint.Unspecified, node, source)
}
