import Foundation
import LuaHost
import Runs

extension LuaRun {
  static let luaName = "run"

  static var luaType: LuaType {
    LuaType(
      "One execution of a script, recorded in a folder. Made by qs.run; ends with the script.",
      properties: [
        Property("id", "Eight hexadecimal digits.") { (run: LuaRun) in run.run.id },
        Property("folder", "Where its files are.") { (run: LuaRun) in run.folder },
        Property("name", "As given.") { (run: LuaRun) in run.run.record.name },
      ],
      methods: [
        Function(
          "log", "Records metrics.", .receiver(LuaRun.self),
          .required("metrics", [String: Double].self, "numbers by name, and perhaps 'step'"),
          .option("step", Int?.self, "batch, epoch, or whatever is counted")
        ) { run, metrics, step in try run.log(metrics, step: step) },
        Function(
          "param", "Records a setting.", .receiver(LuaRun.self),
          .required("name", String.self, "what it is called"),
          .required("value", LuaValue.self, "a number, string, boolean, or a table of these")
        ) { run, name, value in try run.setParameter(name, JSONValue(value, of: "param: '\(name)'")) },
        Function(
          "stage", "Runs a part of the script, and records how long it took and how it ended.",
          .receiver(LuaRun.self), .required("name", String.self, "what it is called"),
          .required("body", LuaFunction.self, "called without arguments; its results are returned"),
          returns: "any"
        ) { run, name, body in try LuaResults(try run.stage(name, body)) },
        Function(
          "artifact", "Keeps a file with the run: a copy of one, or one that a function writes.",
          .receiver(LuaRun.self), .required("name", String.self, "a file name"),
          .required(
            "source", OneOf<String, LuaFunction>.self,
            "a path, or a function that writes to the path it is given"),
          returns: "string"
        ) { run, name, source in
          switch source {
          case .first(let path): try run.addArtifact(name, copying: path)
          case .second(let writer): try run.addArtifact(name, writtenBy: writer)
          }
        },
        Function(
          "path", "A place in the run's folder to save a file to.", .receiver(LuaRun.self),
          .required("name", String.self, "a file name"), returns: "string"
        ) { run, name in try run.path(name) },
        Function(
          "report", "Does what qs.report does, and keeps the table with the run as report.json.",
          .receiver(LuaRun.self), .required("options", LuaTable.self, "those of qs.report"), returns: "table"
        ) { run, options in
          try LuaResults(run.report(options))
        },
        Function(
          "keep_report", "Keeps rows of qs.measure with the run as report.json.", .receiver(LuaRun.self),
          .required("rows", LuaTable.self, "a list of tables of numbers and texts")
        ) { (run, rows) -> Void in try run.keepReport(rows) },
        Function("finish", "Ends the run now rather than with the script.", .receiver(LuaRun.self)) { run in
          try run.finish(.finished)
        },
        Function("__tostring", "A line of text.", .receiver(LuaRun.self), returns: "string") { run in
          "run \(run.run.id) \(run.run.record.name) (\(run.run.record.state.rawValue))"
        },
      ])
  }
}

extension RunSession {
  var runLibrary: Library {
    Library(
      "qs", "",
      [
        Function(
          "run", "Begins a run, which records what the script does from here on. Ends the run before it.",
          .option("name", String?.self, "what it is known by; the script's name otherwise"),
          .option("seed", Int?.self, "of all random numbers; --seed on the command line goes before it"),
          .option("parameters", LuaTable?.self, "settings to see again")
        ) { name, seed, parameters in
          try self.begin(
            name: name, seed: seed.map { UInt64(bitPattern: Int64($0)) },
            parameters: try parameters?.settings() ?? [:])
        },
        Function("current_run", "The run that is open, or nil.") { self.current },
        Function(
          "checkpoint_place",
          "Where the next training call of this stage keeps its checkpoint, and whether the run chose the place. For "
            + "libraries; see the option 'checkpoint' of qs.fit.",
          .required("call", String.self, "\"fit\", \"distill\" ..."),
          .option("path", String?.self, "a file or folder; the run's own place where left out"),
          returns: "string, boolean"
        ) { call, path in
          let (path, isAutomatic) = try self.checkpointPlace(call: call, path: path)
          return LuaResults(path, isAutomatic)
        },
      ])
  }
}

extension RunSession {
  fileprivate func checkpointPlace(call: String, path: String?) throws -> (String, isAutomatic: Bool) {
    if let path {
      guard CheckpointPlaces.isFolder(path) else { return (path, false) }
      let folder = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
      return (try checkpoints.next(in: folder, call: call, stage: current?.run.stage), false)
    }
    guard let run = current else {
      throw LuaError(
        "\(call): checkpoint = true needs a run to keep it with; begin one with qs.run{name = ...}, or name a file"
      )
    }
    return (try checkpoints.next(in: run.makeCheckpointFolder(), call: call, stage: run.run.stage), true)
  }
}

extension LuaTable {
  /// Settings by name.
  func settings() throws -> [String: JSONValue] {
    guard items.isEmpty else {
      throw LuaError("run: option 'parameters' must have names as keys, got a list")
    }
    var settings: [String: JSONValue] = [:]
    for (key, value) in fields {
      guard case .string(let name) = key else {
        throw LuaError("run: option 'parameters' must have names as keys, got a \(key.typeName)")
      }
      settings[name] = try JSONValue(value, of: "run: parameter '\(name)'")
    }
    return settings
  }
}
