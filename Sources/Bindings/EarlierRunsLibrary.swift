import Foundation
import LuaHost
import Runs

extension RunState: LuaNamed, LuaDecodable, LuaEncodable, LuaEnum {}

extension RunSession {
  /// `qs.runs`: what earlier runs did.
  var earlierRunsLibrary: Library {
    Library(
      "qs.runs", "Earlier runs.",
      [
        Function(
          "list", "Earlier runs, newest first: id, name, state, started, seconds, error, folder, script.",
          .option("name", String?.self, "a part of the name"),
          .option("state", RunState?.self, "how it ended"),
          .option("limit", Int?.self, "no more than these many", .positive), returns: "table[]"
        ) { name, state, limit in
          try self.store.list(RunFilter(state: state, name: name, limit: limit)).map(\.table)
        },
        Function(
          "report_with", "Says what run:report calls: the library does, with qs.report.",
          .required("report", LuaFunction.self, "options to rows")
        ) { (report) -> Void in self.reporter = report },
        Function(
          "load", "One run: its record, metrics (one table a line), stages and artifacts.",
          .required("id", String.self, "its id or the beginning of it; 'last' for the newest"),
          returns: "table"
        ) { id in try self.store.load(id).table() },
      ])
  }
}

extension RunSummary {
  fileprivate var table: LuaTable {
    LuaTable(sorted: [
      "id": .string(id), "name": .string(name), "state": .string(state.rawValue), "error": LuaValue(error),
      "script": LuaValue(script), "started": .string(started.iso8601), "seconds": .number(seconds),
    ])
  }
}

extension StoredRun {
  fileprivate func table() throws -> LuaTable {
    LuaTable(sorted: [
      "id": .string(record.id), "name": .string(record.name), "state": .string(record.state.rawValue),
      "error": LuaValue(record.error), "script": LuaValue(record.script),
      "started": .string(record.started.iso8601), "seconds": .number(seconds),
      "seed": .int(Int(bitPattern: UInt(record.seed))), "threads": .int(record.threads),
      "folder": .string(folder.path(percentEncoded: false)),
      "parameters": LuaValue(.object(record.parameters)),
      "versions": .table(LuaTable(sorted: record.versions.mapValues(LuaValue.string))),
      "metrics": .table(LuaTable(items: try metrics().map { .table($0.table) })),
      "stages": .table(LuaTable(items: record.stages.map { .table($0.table) })),
      "artifacts": .table(LuaTable(items: record.artifacts.map { .table(table(of: $0)) })),
    ])
  }

  private func table(of artifact: Artifact) -> LuaTable {
    LuaTable(sorted: [
      "name": .string(artifact.name), "bytes": .int(Int(artifact.bytes)), "sha256": .string(artifact.sha256),
      "path": .string(self.artifact(artifact.name).path(percentEncoded: false)),
    ])
  }
}

extension MetricRecord {
  /// The numbers beside what is known of their moment; a metric named as that hides it.
  fileprivate var table: LuaTable {
    let moment: [String: LuaValue] = [
      "step": LuaValue(step), "stage": LuaValue(stage), "seconds": .number(seconds),
    ]
    return LuaTable(sorted: moment.merging(values.mapValues(LuaValue.number)) { $1 })
  }
}

extension Stage {
  fileprivate var table: LuaTable {
    LuaTable(sorted: [
      "name": .string(name), "state": .string(state.rawValue), "seconds": LuaValue(seconds),
      "started": .string(started.iso8601),
    ])
  }
}
