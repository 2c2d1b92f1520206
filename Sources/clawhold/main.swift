import Gateway
import ModelAnthropic
import CLI
print(stubGateway(), stubA())
stubCLI()
