# formula.rb FORMULA TREE PREFIX - what brew does with a formula, as far as this test needs it: reads it, prints what it says of itself as JSON, runs its
# install method in TREE, and then its test block. Ends with 1 when a step fails.
require "json"

class Formula
  FACTS = { "depends_on" => [] }
  class << self
    attr_reader :test_block

    %w[desc homepage license url sha256 version].each do |name|
      define_method(name) do |value = nil|
        FACTS[name] = value if value
        FACTS[name]
      end
    end

    def head(url, **)
      FACTS["head"] = url
    end

    def depends_on(what)
      FACTS["depends_on"] << (what.is_a?(Hash) ? what.keys.first : what)
    end

    def test(&block)
      @test_block = block
    end
  end

  attr_reader :prefix

  def initialize(prefix)
    @prefix = prefix
  end

  def version
    self.class.version
  end

  def bin
    "#{prefix}/bin"
  end

  def system(*words)
    Kernel.system(*words, out: $stderr) || abort("formula: #{words.join(" ")} failed")
  end

  def shell_output(command, status = 0)
    output = `#{command}`
    abort("formula: #{command} ended with #{$?.exitstatus}, not #{status}") if $?.exitstatus != status
    output
  end

  def assert_match(wanted, text)
    abort("formula: '#{text}' lacks '#{wanted}'") unless text.include?(wanted)
  end
end

formula, tree, prefix = ARGV
load formula
puts JSON.generate(Formula::FACTS)
reinject = Reinject.new(prefix)
Dir.chdir(tree) { reinject.install }
abort("formula: no caveats") if reinject.caveats.empty?
Dir.chdir(prefix) { reinject.instance_eval(&Reinject.test_block) }
