import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
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
        name: posix.join(manifest.name, key),
        path: join(ROOT, 'packages', folder, path),
      }))
  })
}

/**
 * What an entry exports, as its declarations: sorted by name and without comments. Below them stand the
 * types of the same package that they are made of and that the entry does not export.
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
  const exports = checker.getExportsOfModule(module).toSorted(byName)
  const exported = exports.map((symbol) => declarationOf(symbol, checker))
  const main = program.getSourceFile(join(dirname(path), 'index.ts'))
  const mainModule = main && checker.getSymbolAtLocation(main)
  const elsewhere = mainModule === undefined ? [] : checker.getExportsOfModule(mainModule)
  const inner = findInnerTypes(exports, elsewhere, checker).map((symbol) =>
    declarationOf(symbol, checker),
  )
  const below = inner.length === 0 ? [] : [NOT_EXPORTED, ...inner]
  return `// ${name}\n\n${[...exported, ...below].join('\n\n')}\n`
}

const NOT_EXPORTED = '// Not exported, but part of what is:'

function byName(a: ts.Symbol, b: ts.Symbol): number {
  return a.name < b.name ? -1 : 1
}

/**
 * The interfaces and aliases of the same package that the exports refer to, and those that these do, but
 * for what the package exports elsewhere.
 */
function findInnerTypes(
  exports: readonly ts.Symbol[],
  elsewhere: readonly ts.Symbol[],
  checker: ts.TypeChecker,
): ts.Symbol[] {
  const queue = exports.map((symbol) => resolve(symbol, checker))
  const known = new Set([...queue, ...elsewhere.map((symbol) => resolve(symbol, checker))])
  const found: ts.Symbol[] = []
  for (const symbol of queue) {
    const inner = (symbol.declarations ?? []).flatMap((node) => typesIn(node, checker))
    for (const each of inner.filter((type) => !known.has(type))) {
      known.add(each)
      found.push(each)
      queue.push(each)
    }
  }
  return [...new Set(found)].toSorted(byName)
}

/** What a declaration refers to and is declared in the same package; bodies of functions do not count. */
function typesIn(declaration: ts.Declaration, checker: ts.TypeChecker): ts.Symbol[] {
  const home = packageOf(declaration)
  const symbols: ts.Symbol[] = []
  function visit(node: ts.Node): void {
    if (ts.isBlock(node)) return
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined
    const symbol = name && checker.getSymbolAtLocation(name)
    if (symbol !== undefined) {
      const resolved = resolve(symbol, checker)
      if (resolved.declarations?.some((each) => isType(each) && packageOf(each) === home)) {
        symbols.push(resolved)
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(declaration)
  return symbols
}

function isType(node: ts.Node): boolean {
  return ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
}

function packageOf(node: ts.Node): string {
  return /\/packages\/([^/]+)\/src\//.exec(node.getSourceFile().fileName)?.[1] ?? ''
}

function resolve(symbol: ts.Symbol, checker: ts.TypeChecker): ts.Symbol {
  const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
  return isAlias ? checker.getAliasedSymbol(symbol) : symbol
}

const printer = ts.createPrinter({ removeComments: true })

function declarationOf(exported: ts.Symbol, checker: ts.TypeChecker): string {
  const symbol = resolve(exported, checker)
  const texts = (symbol.declarations ?? []).map((node) => textOf(node, symbol, checker))
  const renamed = symbol.name === exported.name ? '' : `// as ${exported.name}\n`
  return renamed + texts.join('\n')
}

function textOf(node: ts.Declaration, symbol: ts.Symbol, checker: ts.TypeChecker): string {
  if (ts.isTypeAliasDeclaration(node) && /\bkeyof typeof\b/.test(node.type.getText())) {
    // The codes of a table: a change of one shall show.
    const members = checker.getTypeAtLocation(node)
    return `export type ${symbol.name} = ${checker.typeToString(members, undefined, MEMBERS)};`
  }
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

const MEMBERS: ts.TypeFormatFlags =
  ts.TypeFormatFlags.NoTruncation |
  ts.TypeFormatFlags.InTypeAlias |
  ts.TypeFormatFlags.UseSingleQuotesForStringLiteralType

/** Its public members, without bodies. */
function classOf(node: ts.ClassDeclaration): string {
  const members = node.members
    .filter((member) => !ts.canHaveModifiers(member) || !isPrivate(member))
    .map((member) => {
      const [head = ''] = print(member, node.getSourceFile()).split(' {')
      return `  ${head}`
    })
  const heritage = node.heritageClauses?.map((clause) => print(clause, node.getSourceFile())) ?? []
  const parameters = node.typeParameters?.map((each) => print(each, node.getSourceFile())) ?? []
  const name = `${node.name?.text}${parameters.length === 0 ? '' : `<${parameters.join(', ')}>`}`
  return [`class ${[name, ...heritage].join(' ')} {`, ...members, '}'].join('\n')
}

function isPrivate(member: ts.HasModifiers): boolean {
  return member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword) === true
}

function print(node: ts.Node, source: ts.SourceFile = node.getSourceFile()): string {
  return printer.printNode(ts.EmitHint.Unspecified, node, source)
}
