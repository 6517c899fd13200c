"""Where pieces are worked on: slots that hold warm runners. Knows neither store nor scheduling, only queues."""
