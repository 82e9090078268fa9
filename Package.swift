// swift-tools-version: 6.2
import PackageDescription

// Dependencies point downwards only (docs/architecture.md); Tests/ArchitectureTests reads the
// `import` lines and keeps it so.

let swift: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let c: [CSetting] = [
  .treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra"), .enableWarning("shadow"),
]

/// Linked statically on Linux: two more libraries to load would make every start of the program slower.
let imageLibraries: [LinkerSetting] =
  [":libpng16.a", ":libjpeg.a"].map {
    .linkedLibrary($0, .when(platforms: [.linux]))
  } + ["png", "jpeg"].map { .linkedLibrary($0, .when(platforms: [.macOS])) }

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: name == "Bindings" ? ["Lua"] : [], swiftSettings: swift)
}

func tests(of name: String, _ more: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name + "Tests", dependencies: [.byName(name: name), "TestSupport"] + more, swiftSettings: swift)
}

let package = Package(
  name: "qscript",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "qscript", targets: ["qscript"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .executableTarget(
      name: "qscript",
      dependencies: [
        "Bindings", "Runs", "LuaHost", "CEdit", "COutput",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swift),
    room(
      "Bindings",
      [
        "LuaHost", "Runs", "Formats", "Deployment", "Compression", "Models", "Tensors", "CResources",
        "COutput",
      ]),
    room("LuaHost", ["CLuaBridge"]),
    room("Runs", [.product(name: "GRDB", package: "GRDB.swift")]),
    room("Formats", ["Deployment", "Compression", "Models", "Tensors", "CZlib", "CImages"]),
    room("Deployment", ["Compression", "Models", "Tensors", "CKernels", "CResources"]),
    room("Compression", ["Models", "Tensors", "CKernels"]),
    room("Models", ["Tensors", "CKernels"]),
    room("Tensors", ["CKernels", "COneDNN", "CThreads"]),

    .target(name: "CKernels", cSettings: c),
    .target(name: "COneDNN", cSettings: c, linkerSettings: [.linkedLibrary("dnnl")]),
    .target(name: "CLuaBridge", dependencies: ["CLua"], cSettings: c),
    .target(name: "CThreads", cSettings: c),
    .target(name: "CImages", dependencies: ["CZlib"], cSettings: c, linkerSettings: imageLibraries),
    .target(name: "COutput", cSettings: c),
    .target(name: "CEdit", cSettings: c, linkerSettings: [.linkedLibrary("edit")]),
    .target(name: "CResources", exclude: ["digits", "lua_modules.inc", "c_sources.inc"], cSettings: c),
    .systemLibrary(
      name: "CLua", pkgConfig: "lua5.4", providers: [.apt(["liblua5.4-dev"]), .brew(["lua@5.4"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

    .target(
      name: "TestSupport", dependencies: ["Models", "Tensors"], path: "Tests/TestSupport",
      swiftSettings: swift),
    tests(of: "CKernels", ["Formats", "Tensors"]),
    tests(of: "CResources"),
    tests(of: "LuaHost"),
    tests(of: "Runs"),
    tests(of: "Tensors"),
    tests(of: "Models"),
    tests(of: "Formats", ["Deployment", "Compression", "Models", "Tensors", "CResources", "CZlib"]),
    tests(of: "Compression", ["Models", "Tensors"]),
    tests(of: "Deployment", ["Compression", "Models", "Tensors", "CKernels"]),
    tests(of: "Bindings", ["LuaHost", "Runs", "Tensors"]),
    tests(of: "qscript"),
    .testTarget(name: "ArchitectureTests", swiftSettings: swift),
  ])
