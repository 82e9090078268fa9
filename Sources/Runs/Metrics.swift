import Foundation

/// One line of `metrics.jsonl`: some numbers known at one moment of a run.
public struct MetricRecord: Codable, Equatable, Sendable {
  /// Batch, epoch, or whatever the stage counts; nil for a figure of the whole stage.
  public var step: Int?
  /// The stage that was running.
  public var stage: String?
  /// Since the start of the run.
  public var seconds: Double
  /// By name, such as `loss`. A number that is none (NaN, infinity) is kept, as a string in the file.
  public var values: [String: Double]
}

/// What became of one metric in one stage.
public struct MetricSummary: Codable, Equatable, Sendable {
  /// A value and where it was met.
  public struct Point: Codable, Equatable, Sendable {
    public var value: Double
    public var step: Int?
  }

  public var stage: String?
  public var name: String
  public var count: Int
  public var last: Point
  /// Over the values that are numbers; nil where none is. Which of the two is best only the reader knows.
  public var lowest: Point?
  public var highest: Point?
}

extension MetricSummary {
  private init(first point: Point, of name: String, in stage: String?) {
    self.init(stage: stage, name: name, count: 0, last: point, lowest: nil, highest: nil)
    add(point)
  }

  private mutating func add(_ point: Point) {
    count += 1
    last = point
    guard !point.value.isNaN else { return }
    lowest = lowest.map { point.value < $0.value ? point : $0 } ?? point
    highest = highest.map { point.value > $0.value ? point : $0 } ?? point
  }

  /// One summary a stage and metric, stages in the order of their first line, metrics by name.
  static func summaries(of records: [MetricRecord]) -> [MetricSummary] {
    var stages: [String?] = []
    var summaries: [String?: [String: MetricSummary]] = [:]
    for record in records {
      if summaries[record.stage] == nil { stages.append(record.stage) }
      var ofStage = summaries[record.stage] ?? [:]
      for (name, value) in record.values {
        let point = Point(value: value, step: record.step)
        if ofStage[name]?.add(point) == nil {
          ofStage[name] = MetricSummary(first: point, of: name, in: record.stage)
        }
      }
      summaries[record.stage] = ofStage
    }
    return stages.flatMap { stage in summaries[stage, default: [:]].values.sorted { $0.name < $1.name } }
  }
}

extension MetricRecord {
  /// Every whole line of a file of metrics. A line cut short, by a crash or a full disk, is passed over.
  static func read(_ path: String) throws -> [MetricRecord] {
    guard access(path, F_OK) == 0 else { return [] }
    let decoder = JSONDecoder.forRuns()
    return try readBytes(path).split(separator: UInt8(ascii: "\n")).compactMap {
      try? decoder.decode(MetricRecord.self, from: Data($0))
    }
  }
}
