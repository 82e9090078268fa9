import LuaHost

/// The object of the tests: a square of cells.
final class Grid: LuaObject {
  let side: Int
  let spacing: Double
  var label = ""

  init(side: Int, spacing: Double = 1) {
    self.side = side
    self.spacing = spacing
  }

  static let luaName = "grid"

  static var luaType: LuaType {
    LuaType(
      "A square grid of cells.",
      properties: [
        Property("side", "Cells per side.") { (grid: Grid) in grid.side },
        Property("label", "A note.", get: { (grid: Grid) in grid.label }, set: { $0.label = $1 }),
      ],
      methods: [
        Function("area", "The area it covers.", .receiver(Grid.self), returns: "number") { grid in
          Double(grid.side * grid.side) * grid.spacing * grid.spacing
        },
        Function("touch", "Does nothing.", .receiver(Grid.self)) { _ in },
        Function(
          "resized", "A copy with other cells.", .receiver(Grid.self),
          .required("side", Int.self, "", .positive)
        ) {
          Grid(side: $1, spacing: $0.spacing)
        },
        Function("__add", "Sides together.", .required("a", Grid.self), .required("b", OneOf<Grid, Int>.self))
        { a, b in
          switch b {
          case .first(let b): Grid(side: a.side + b.side)
          case .second(let b): Grid(side: a.side + b)
          }
        },
        Function("__len", "Cells.", .receiver(Grid.self)) { $0.side * $0.side },
        Function("__index", "A row by number.", .receiver(Grid.self), .required("key", LuaValue.self)) {
          grid, key in
          guard case .int(let row) = key, 1...grid.side ~= row else { return nil as Int? }
          return row * 10
        },
      ])
  }
}

extension Function {
  static var grid: Function {
    Function(
      "grid", "A square grid.", .required("side", Int.self, "cells per side", .positive),
      .optional("spacing", default: 1.0, "metres between cells"), .option("label", default: "", "a note")
    ) { side, spacing, label in
      let grid = Grid(side: side, spacing: spacing)
      grid.label = label
      return grid
    }
  }
}

func makeVM(_ options: LuaVM.Options = .init(), functions: [Function] = []) throws -> LuaVM {
  let vm = try LuaVM(options: options)
  vm.register(Grid.self)
  vm.register(Library("qs", "Test functions.", [.grid] + functions))
  return vm
}
